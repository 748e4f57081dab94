import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { z } from 'zod';
import { InputError } from '../core/errors.ts';
import type { CountRange } from '../tokenize/count-file.ts';
import type { TrainTokenizerOptions } from '../tokenize/steps/train-tokenizer.ts';
import { mergeCounts, PreTokenCounter, tokenizerFiles, trainBpe } from '../tokenize/tokenizer.ts';
import type { CorpusPiece } from './tokenizer-corpus.ts';

// A thread of `provender tokenizer train`: counts pieces as they are given to it, and in the end one trains.

export interface WorkerData {
  readonly options: z.output<typeof TrainTokenizerOptions>;
  /** Where counts files go; their names begin with `name`. */
  readonly folder: string;
  readonly name: string;
}

export type Order =
  | { readonly type: 'count'; readonly piece: CorpusPiece }
  | { readonly type: 'finish' }
  | { readonly type: 'train'; readonly countFiles: readonly string[] };

export interface TrainedFiles {
  readonly files: Readonly<Record<string, string>>;
  readonly vocabularySize: number;
  readonly merges: number;
  readonly trainedOnBytes: number;
  readonly distinctPreTokens: number;
}

export type Reply =
  | { readonly type: 'consumed'; readonly bytes: number }
  | { readonly type: 'rejected'; readonly reason: string }
  | { readonly type: 'counted' }
  | { readonly type: 'finished'; readonly countFiles: readonly string[] }
  | { readonly type: 'merged'; readonly done: number; readonly total: number }
  | { readonly type: 'trained'; readonly trained: TrainedFiles }
  | { readonly type: 'failed'; readonly name: string; readonly message: string };

const { options, folder, name } = workerData as WorkerData;
const countFiles: string[] = [];
const counter = new PreTokenCounter({
  preTokenizer: options.preTokenizer,
  normalizer: options.normalizer,
  memoryLimit: options.memoryMiB * 2 ** 20,
  onSpill: keep,
});

function keep(counts: Uint8Array): void {
  const path = join(folder, `${name}-${countFiles.length}.counts`);
  writeFileSync(path, counts);
  countFiles.push(path);
}

function send(reply: Reply): void {
  parentPort!.postMessage(reply);
}

async function count(piece: CorpusPiece): Promise<void> {
  // Only threads that read load the readers.
  const { readPiece } = await import('./tokenizer-corpus.ts');
  const notes = {
    consumed: (bytes: number) => send({ type: 'consumed', bytes }),
    rejected: (reason: string) => send({ type: 'rejected', reason }),
  };
  for await (const batch of readPiece(piece, notes))
    for (let i = 0; i < batch.length; i++)
      // Held-out documents teach the tokenizer nothing.
      if (batch.rows[i]!.split === 'train') counter.add(batch.bytes(i));
  send({ type: 'counted' });
}

function* contents(paths: readonly string[]): Generator<CountRange> {
  for (const path of paths) yield { path, start: 0, end: statSync(path).size };
}

function train(paths: readonly string[]): TrainedFiles {
  const counts = mergeCounts(contents(paths));
  if (counts.preTokens === 0) throw new InputError('there is no text to train on');
  const trained = trainBpe(counts, {
    ...options,
    onProgress: (done, total) => send({ type: 'merged', done, total }),
  });
  return {
    files: tokenizerFiles(trained),
    vocabularySize: trained.tokens.length,
    merges: trained.merges.length / 2,
    trainedOnBytes: counts.bytes,
    distinctPreTokens: counts.size,
  };
}

async function obey(order: Order): Promise<void> {
  switch (order.type) {
    case 'count':
      return count(order.piece);
    case 'finish':
      keep(counter.serialize());
      return send({ type: 'finished', countFiles });
    case 'train':
      return send({ type: 'trained', trained: train(order.countFiles) });
    default:
      order satisfies never;
  }
}

parentPort!.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => {
    const { name: kind, message } = error as Error;
    send({ type: 'failed', name: kind, message });
  });
});
