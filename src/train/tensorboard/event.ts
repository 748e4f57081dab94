/**
 * The protobuf messages of an event file, as much of them as scalars need: tensorflow/core/util/event.proto and
 * tensorflow/core/framework/summary.proto.
 */

import { MessageWriter } from '../protobuf.ts';

/** Field numbers. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SUMMARY = { value: 1 } as const;
const VALUE = { tag: 1, simpleValue: 2 } as const;
const SESSION_LOG = { status: 1 } as const;
const STATUS_START = 1;

export type Scalars = Readonly<Record<string, number>>;

/** The first event of every file. */
export function versionEvent(wallTime: number): Uint8Array {
  return new MessageWriter()
    .double(EVENT.wallTime, wallTime)
    .string(EVENT.fileVersion, 'brain.Event:2')
    .finish();
}

/** Makes a reader forget what it has of `step` and later ones: those steps are taken again. */
export function startEvent(wallTime: number, step: number): Uint8Array {
  const log = new MessageWriter().integer(SESSION_LOG.status, STATUS_START);
  return event(wallTime, step).message(EVENT.sessionLog, log).finish();
}

export function scalarEvent(wallTime: number, step: number, scalars: Scalars): Uint8Array {
  const summary = new MessageWriter();
  for (const [tag, value] of Object.entries(scalars)) {
    summary.message(
      SUMMARY.value,
      new MessageWriter().string(VALUE.tag, tag).float(VALUE.simpleValue, value),
    );
  }
  return event(wallTime, step).message(EVENT.summary, summary).finish();
}

function event(wallTime: number, step: number): MessageWriter {
  return new MessageWriter().double(EVENT.wallTime, wallTime).integer(EVENT.step, step);
}

/** The step of an event, whose first two fields are those that `event` above writes. */
export function stepOf(data: Uint8Array): number {
  const at = 9;
  if (data[at] !== EVENT.step * 8) return 0;
  let step = 0;
  for (let i = at + 1, scale = 1; i < data.length; i++, scale *= 128) {
    step += (data[i]! & 127) * scale;
    if (data[i]! < 128) break;
  }
  return step;
}
