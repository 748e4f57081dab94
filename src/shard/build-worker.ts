/** A thread that writes shards: runs come in, what they have come to goes out. */

import { parentPort, workerData } from 'node:worker_threads';
import { RunWriter, type WrittenRun } from './run-writer.ts';
import { Selection, type SelectionState } from './selection.ts';
import type { ShardRun } from './shard-plan.ts';
import type { ShardSetting } from './shard-writer.ts';
import { SideFile } from './side-file.ts';

export interface BuildWorkerData {
  readonly sides: readonly string[];
  readonly folder: string;
  readonly setting: ShardSetting;
  readonly selection: SelectionState;
  readonly memoryBytes: number;
}

export type BuildOrder =
  | { readonly type: 'write'; readonly run: ShardRun }
  /** What is under way ends with CancelledError. */
  | { readonly type: 'cancel' }
  | { readonly type: 'close' };

export type BuildReply =
  | { readonly type: 'progress'; readonly documents: number }
  | { readonly type: 'written'; readonly written: WrittenRun }
  | { readonly type: 'failed'; readonly name: string; readonly message: string };

const port = parentPort!;
const data = workerData as BuildWorkerData;
const controller = new AbortController();
const sides: SideFile[] = [];
let writer: RunWriter | undefined;

function send(reply: BuildReply): void {
  port.postMessage(reply);
}

function open(): RunWriter {
  for (const path of data.sides) sides.push(new SideFile(path));
  const { folder, setting, memoryBytes } = data;
  const selection = Selection.restore(data.selection, sides);
  const progress = (documents: number): void => send({ type: 'progress', documents });
  const { signal } = controller;
  return new RunWriter({ sides, folder, setting, selection, memoryBytes, signal, progress });
}

async function write(run: ShardRun): Promise<void> {
  try {
    writer ??= open();
    send({ type: 'written', written: await writer.write(run) });
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    send({ type: 'failed', name, message });
  }
}

port.on('message', (order: BuildOrder) => {
  if (order.type === 'write') void write(order.run);
  else if (order.type === 'cancel') controller.abort();
  else {
    for (const side of sides) side.close();
    port.close();
  }
});
