import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { crc32c, maskedCrc32c } from '../../src/train/tensorboard/crc32c.ts';
import { EventLog } from '../../src/train/tensorboard/event-log.ts';
import { scalarsOf } from '../../src/train/tensorboard/scalars.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-events-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  readonly restart?: boolean;
  readonly scalars: Record<string, number>;
}

/** Fields of a protobuf message, read by the wire format's description alone. */
function fields(bytes: Buffer): [field: number, value: number | Buffer][] {
  const all: [number, number | Buffer][] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, type] = [tag >> 3, tag & 7];
    if (type === 0) all.push([field, varint()]);
    else if (type === 1) {
      all.push([field, bytes.readDoubleLE(at)]);
      at += 8;
    } else if (type === 5) {
      all.push([field, bytes.readFloatLE(at)]);
      at += 4;
    } else if (type === 2) {
      const length = varint();
      all.push([field, bytes.subarray(at, at + length)]);
      at += length;
    } else throw new Error(`wire type ${type}`);
  }
  return all;
}

/** As tensorflow/core/util/event.proto has it. */
function eventOf(data: Buffer): ReadEvent {
  const event = { wallTime: 0, step: 0, scalars: {} as Record<string, number> };
  for (const [field, value] of fields(data)) {
    if (field === 1) event.wallTime = value as number;
    if (field === 2) event.step = value as number;
    if (field === 3) Object.assign(event, { fileVersion: (value as Buffer).toString() });
    if (field === 7) Object.assign(event, { restart: fields(value as Buffer)[0]![1] === 1 });
    if (field !== 5) continue;
    for (const [, entry] of fields(value as Buffer)) {
      const members = new Map(fields(entry as Buffer));
      event.scalars[(members.get(1) as Buffer).toString()] = members.get(2) as number;
    }
  }
  return event;
}

async function readEvents(path: string): Promise<ReadEvent[]> {
  const bytes = await readFile(path);
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    events.push(eventOf(data));
    at += 16 + length;
  }
  return events;
}

const files = async () => (await readdir(folder)).sort();
const all = async () =>
  (await Promise.all((await files()).map((name) => readEvents(join(folder, name))))).flat();

/** Steps of `train/loss` as a reader of all files has them. */
const steps = async () => (await all()).filter(({ scalars }) => 'loss' in scalars).map(({ step }) => step);

async function write(from: number, to: number): Promise<void> {
  const log = await EventLog.open(folder, from, () => 1.7e9);
  for (let step = from + 1; step <= to; step++) log.add(step, { loss: 10 - step });
  log.close();
}

describe('CRC-32C', () => {
  it('gives the values of RFC 3720, appendix B.4', () => {
    const bytes = (of: (i: number) => number) => Uint8Array.from({ length: 32 }, (_, i) => of(i));
    expect(crc32c(bytes(() => 0))).toBe(0x8a9136aa);
    expect(crc32c(bytes(() => 0xff))).toBe(0x62a8ab43);
    expect(crc32c(bytes((i) => i))).toBe(0x46dd794e);
    expect(crc32c(bytes((i) => 31 - i))).toBe(0x113fdb5c);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('masks as TFRecord does: the header of a record of 24 bytes, as TensorFlow writes it', () => {
    // The first 12 bytes of every event file that begins with 'brain.Event:2' and a wall time.
    const header = Buffer.from('1800000000000000a37f4b22', 'hex');
    expect(maskedCrc32c(header.subarray(0, 8))).toBe(header.readUInt32LE(8));
  });
});

describe('EventLog', () => {
  it('begins with the version, then a scalar event a record', async () => {
    const log = await EventLog.open(folder, 0, () => 1.7e9 + 0.25);
    log.add(1, { 'train/loss': 8.5, 'loss-by-corpus/é 🚂': Number.NaN });
    log.add(2 ** 40, { 'train/loss': -0.5 });
    log.close();
    const [version, first, second] = await all();
    expect(version).toEqual({ wallTime: 1.7e9 + 0.25, step: 0, fileVersion: 'brain.Event:2', scalars: {} });
    expect(first!.scalars).toEqual({ 'train/loss': 8.5, 'loss-by-corpus/é 🚂': Number.NaN });
    expect(first!.step).toBe(1);
    expect(second).toMatchObject({ step: 2 ** 40, scalars: { 'train/loss': -0.5 } });
  });

  it('has every step once after a kill, in a new file that says where it goes on', async () => {
    await write(0, 9);
    // Killed after step 9; the last checkpoint is that of step 4. Killed again, within a record.
    await write(4, 8);
    await truncate(join(folder, (await files())[1]!), 150);
    await write(4, 7);
    await write(6, 12);
    expect(await files()).toEqual([0, 4, 6].map((step) => `events.out.tfevents.000000000${step}.provender`));
    expect(await steps()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const restarts = (await all()).filter(({ restart }) => restart === true);
    expect(restarts.map(({ step }) => step)).toEqual([5, 7]);
  });

  it('cuts a torn record off before it goes on', async () => {
    await write(0, 6);
    const path = join(folder, (await files())[0]!);
    const { length } = await readFile(path);
    await truncate(path, length - 3);
    await write(6, 7);
    expect(await steps()).toEqual([1, 2, 3, 4, 5, 7]);
  });

  it('begins anew where there is no checkpoint, and leaves files of others alone', async () => {
    await write(0, 5);
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(folder, 'events.out.tfevents.1700000000.host'), 'theirs');
    await write(0, 2);
    expect(await readFile(join(folder, 'events.out.tfevents.1700000000.host'), 'utf8')).toBe('theirs');
    await rm(join(folder, 'events.out.tfevents.1700000000.host'));
    expect(await steps()).toEqual([1, 2]);
  });

  it('gives the same bytes for the same events and clock', async () => {
    await write(0, 5);
    const path = join(folder, (await files())[0]!);
    const before = await readFile(path);
    await write(0, 5);
    expect(await readFile(path)).toEqual(before);
  });

  it('cuts in files longer than a read', async () => {
    await write(0, 5000);
    await write(4321, 4322);
    const read = await steps();
    expect(read).toHaveLength(4322);
    expect(read.at(-1)).toBe(4322);
  });
});

describe('scalarsOf', () => {
  it('names what a step has, whatever it is split by', () => {
    const line = {
      kind: 'step',
      step: 3,
      tokens: 96,
      loss: 5.5,
      learningRate: 0.01,
      gradientNorm: null,
      skipped: true,
      metrics: { accuracy: 0.25 },
      byCorpus: { a: { loss: 5, tokens: 32 }, 'b/c': { loss: 6, tokens: 64 } },
      slices: { 'deciles of a.b': { 9: { loss: 4.5, tokens: 7 } } },
    };
    expect(scalarsOf(line)).toEqual({
      'train/tokens': 96,
      'train/loss': 5.5,
      'train/learning-rate': 0.01,
      'train/accuracy': 0.25,
      'loss-by-corpus/a': 5,
      'loss-by-corpus/b/c': 6,
      'loss-by-deciles-of-a.b/9': 4.5,
    });
  });

  it('gives bits per byte by corpus and over all, or the loss where there is no likelihood', () => {
    const figures = (bitsPerByte: number | null) => ({ bitsPerByte, lossPerToken: 3, documents: 4 });
    const line = { kind: 'evaluation', step: 5, corpora: { a: figures(2) }, total: figures(1.5) };
    expect(scalarsOf({ ...line, measure: 'bits-per-byte' })).toEqual({
      'bits-per-byte': 1.5,
      'bits-per-byte/a': 2,
    });
    expect(scalarsOf({ ...line, measure: 'masked-loss' })).toEqual({
      'masked-loss': 3,
      'masked-loss/a': 3,
    });
  });
});
