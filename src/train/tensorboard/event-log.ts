/** TensorBoard event files of one training: a file for each call, named by the step that the call goes on from. */

import { closeSync, createReadStream, openSync, readdirSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { classifySystemError } from '../../core/errors.ts';
import { type Scalars, scalarEvent, startEvent, stepOf, versionEvent } from './event.ts';
import { frame, records } from './record.ts';

/** TensorBoard asks for "tfevents" in the name and reads the files of a folder in the order of their names. */
const NAME = /^events\.out\.tfevents\.(\d{10,})\.provender$/;

export class EventLog {
  readonly path: string;
  private readonly descriptor: number;
  private readonly clock: () => number;

  private constructor(path: string, descriptor: number, clock: () => number) {
    this.path = path;
    this.descriptor = descriptor;
    this.clock = clock;
  }

  /**
   * Begins the file of a training that goes on from `step` (0: from the start) in `folder`. Events of later steps,
   * which a killed call left behind and which will be written again, are cut from the files of earlier calls.
   * `clock` gives seconds since 1970: the only thing in the files that is no function of data, options and seed.
   */
  static async open(
    folder: string,
    step: number,
    clock: () => number = () => Date.now() / 1000,
  ): Promise<EventLog> {
    const path = join(folder, `events.out.tfevents.${String(step).padStart(10, '0')}.provender`);
    try {
      for (const name of readdirSync(folder)) {
        const begins = NAME.exec(name)?.[1];
        if (begins === undefined) continue;
        if (Number(begins) >= step) rmSync(join(folder, name));
        else await cutAfter(join(folder, name), step);
      }
      const log = new EventLog(path, openSync(path, 'w'), clock);
      log.write(versionEvent(clock()));
      if (step > 0) log.write(startEvent(clock(), step + 1));
      return log;
    } catch (error) {
      throw classifySystemError(error, { file: path });
    }
  }

  add(step: number, scalars: Scalars): void {
    try {
      this.write(scalarEvent(this.clock(), step, scalars));
    } catch (error) {
      throw classifySystemError(error, { file: this.path });
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private write(event: Uint8Array): void {
    const bytes = frame(event);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.descriptor, bytes, at);
  }
}

/** Steps ascend in a file: it ends before its first event of a later step, or before its first damaged one. */
async function cutAfter(path: string, step: number): Promise<void> {
  let rest: Uint8Array = new Uint8Array(0);
  let keep = 0;
  for await (const chunk of createReadStream(path)) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    let used = 0;
    for (const { end, data } of records(bytes)) {
      if (stepOf(data) > step) return truncateSync(path, keep + used);
      used = end;
    }
    keep += used;
    rest = bytes.subarray(used);
  }
  truncateSync(path, keep);
}
