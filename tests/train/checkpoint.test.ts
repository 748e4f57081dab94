import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IntegrityError, ProvenderError } from '../../src/core/errors.ts';
import { type Receipt, requireSameIdentity } from '../../src/train/checkpoint/receipt.ts';
import {
  readSafetensors,
  SafetensorsFile,
  writeSafetensors,
} from '../../src/train/checkpoint/safetensors.ts';
import { CheckpointStore, newestReceipt, readCheckpoint } from '../../src/train/checkpoint/store.ts';
import type { NamedArray } from '../../src/train/session.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'provender-checkpoint-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'x.safetensors');

/** A file put together by hand, after the format's description. */
function byHand(header: unknown, data: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

describe('safetensors', () => {
  it('gives back every bit, NaN payloads and negative zero among them', async () => {
    const bits = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), bits, { noNullPrototype: true }), async (tensors) => {
        const given = new Map<string, NamedArray>();
        for (const [name, values] of Object.entries(tensors)) {
          if (name === '__metadata__') continue;
          const data = new Float32Array(Int32Array.from(values).buffer);
          given.set(name, { shape: [1, values.length], data });
        }
        await writeSafetensors(path(), given);
        const read = await readSafetensors(path());
        expect([...read.keys()].sort()).toEqual([...given.keys()].sort());
        for (const [name, { shape, data }] of given) {
          expect(read.get(name)!.shape).toEqual(shape);
          expect(Buffer.from(read.get(name)!.data.buffer)).toEqual(Buffer.from(data.buffer));
        }
      }),
      { numRuns: 30, seed: 20240817 },
    );
  });

  it('reads a file made by hand, halves widened', async () => {
    const data = Buffer.alloc(20);
    data.writeFloatLE(1.5, 0);
    data.writeInt32LE(-7, 4);
    // binary16: 1, -2, smallest subnormal, infinity; bfloat16: 1, -3.140625.
    for (const [i, half] of [0x3c00, 0xc000, 0x0001, 0x7c00].entries()) data.writeUInt16LE(half, 8 + 2 * i);
    for (const [i, half] of [0x3f80, 0xc049].entries()) data.writeUInt16LE(half, 16 + 2 * i);
    const header = {
      __metadata__: { format: 'pt' },
      b: { dtype: 'I32', shape: [1], data_offsets: [4, 8] },
      a: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
      h: { dtype: 'F16', shape: [2, 2], data_offsets: [8, 16] },
      bf: { dtype: 'BF16', shape: [2], data_offsets: [16, 20] },
    };
    await writeFile(path(), byHand(header, data));
    const file = await SafetensorsFile.open(path());
    expect(file.metadata).toEqual({ format: 'pt' });
    expect(await file.read('a')).toEqual({ shape: [], data: Float32Array.of(1.5) });
    expect(await file.read('b')).toEqual({ shape: [1], data: Int32Array.of(-7) });
    expect((await file.read('h')).data).toEqual(Float32Array.of(1, -2, 2 ** -24, Number.POSITIVE_INFINITY));
    expect((await file.read('bf')).data).toEqual(Float32Array.of(1, -3.140625));
    await file.close();
  });

  it.each([
    ['nothing', Buffer.alloc(0), /cut off/],
    ['a header longer than the file', Buffer.from([255, 255, 0, 0, 0, 0, 0, 0, 123]), /cut off/],
    ['a header that is no JSON', byHand('x', Buffer.alloc(0)).fill('{', 8), /damaged safetensors header/],
    [
      'too little data',
      byHand({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, Buffer.alloc(7)),
      /cut off/,
    ],
    [
      'too much data',
      byHand({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, Buffer.alloc(9)),
      /overlong/,
    ],
    [
      'a shape that does not fit',
      byHand({ a: { dtype: 'F32', shape: [3], data_offsets: [0, 8] } }, Buffer.alloc(8)),
      /does not fill its shape/,
    ],
    [
      'a gap',
      byHand({ a: { dtype: 'F32', shape: [1], data_offsets: [4, 8] } }, Buffer.alloc(8)),
      /gap or overlaps/,
    ],
    [
      'an overlap',
      byHand(
        {
          a: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
          b: { dtype: 'F32', shape: [1], data_offsets: [0, 4] },
        },
        Buffer.alloc(4),
      ),
      /gap or overlaps/,
    ],
    [
      'an entry that is none',
      byHand({ a: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, Buffer.alloc(4)),
      /damaged entry/,
    ],
  ])('refuses %s', async (_, bytes, message) => {
    await writeFile(path(), bytes);
    const opened = SafetensorsFile.open(path());
    await expect(opened).rejects.toThrow(IntegrityError);
    await expect(opened).rejects.toThrow(message);
  });

  it('names a type that it does not read', async () => {
    await writeFile(
      path(),
      byHand({ a: { dtype: 'F64', shape: [1], data_offsets: [0, 8] } }, Buffer.alloc(8)),
    );
    await expect(readSafetensors(path())).rejects.toThrow(/tensor a has a type .*expected F32.*found F64/);
  });

  it('refuses to write what does not fill its shape', async () => {
    const wrong = new Map([['a', { shape: [2, 2], data: new Float32Array(3) }]]);
    await expect(writeSafetensors(path(), wrong)).rejects.toThrow(/expected 4 values for \[2,2\]; found 3/);
    expect(await readdir(folder)).toEqual([]);
  });
});

const stateOf = (step: number) => ({
  parameters: new Map([['w', { shape: [4], data: Float32Array.of(step, -0, 1e-40, 0.1) }]]),
  moments: new Map([['w.m', { shape: [1], data: Float32Array.of(step / 3) }]]),
});

function receiptOf(step: number, best?: number): Receipt {
  return {
    format: 1,
    step,
    updates: step,
    tokens: step * 10,
    tokensByCorpus: { a: step * 10 },
    epochsByCorpus: { a: step / 7 },
    identity: { seed: 1 },
    identityDigest: 'x',
    environment: {},
    generators: {},
    losses: { first: 0.1 + 0.2, last: null, recent: [1 / 3] },
    troubles: { skipped: 0, spikes: 0 },
    evaluations: best === undefined ? {} : { best: { step: best, value: 1 } },
    metrics: { bytes: 0, sha256: '' },
  };
}

describe('CheckpointStore', () => {
  const filled = async (...steps: number[]) => {
    const store = await CheckpointStore.open(folder, 3);
    for (const step of steps) await store.save(stateOf(step), receiptOf(step));
    return store;
  };
  const never = (line: string) => expect.unreachable(line);

  it('gives back the newest, bit for bit', async () => {
    const store = await filled(9, 10);
    const { receipt, state } = (await store.latest(never))!;
    expect(receipt).toEqual(receiptOf(10));
    expect(state.parameters.get('w')!.data).toEqual(stateOf(10).parameters.get('w')!.data);
    expect(Object.is(state.parameters.get('w')!.data[1], -0)).toBe(true);
    expect(state.moments.get('w.m')!.data).toEqual(Float32Array.of(10 / 3));
  });

  it('tells the newest receipt that can be read, without the tensors', async () => {
    const store = await filled(9, 10, 11);
    await rm(join(folder, 'step-000000010', 'weights.safetensors'));
    await writeFile(join(folder, 'step-000000011', 'checkpoint.json'), '{');
    expect((await newestReceipt(store.folder))!.step).toBe(10);
    expect(await newestReceipt(join(folder, 'nowhere'))).toBeUndefined();
  });

  it('has none where there is none', async () => {
    expect(await (await filled()).latest(never)).toBeUndefined();
  });

  it('keeps the last ones and the best', async () => {
    const store = await CheckpointStore.open(folder, 2);
    for (const step of [1, 2, 3, 4, 5])
      await store.save(stateOf(step), receiptOf(step, step >= 2 ? 2 : undefined));
    expect(await store.steps()).toEqual([2, 4, 5]);
  });

  it('sorts steps by number, past the digits that names are padded to', async () => {
    const store = await filled(999_999_999, 1_000_000_000);
    expect((await store.latest(never))!.receipt.step).toBe(1_000_000_000);
  });

  it('clears away what a killed run left half-written, and does not take it for a checkpoint', async () => {
    const store = await filled(1);
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(folder, 'step-000000002.123.abcd.tmp'));
    expect((await store.latest(never))!.receipt.step).toBe(1);
    await CheckpointStore.open(folder, 3);
    expect(await readdir(folder)).toEqual(['step-000000001']);
  });

  it.each(['weights.safetensors', 'moments.safetensors', 'checkpoint.json'])(
    'falls back where any byte of %s was changed, and says so',
    async (name) => {
      const damaged = join(folder, 'step-000000002', name);
      await filled(1, 2);
      const whole = await readFile(damaged);
      // Every byte for the small files of this test: there must be none that goes unnoticed.
      for (let at = 0; at < whole.length; at += 7) {
        const handle = await open(damaged, 'r+');
        await handle.write(Buffer.of(whole[at]! ^ 0x10), 0, 1, at);
        await handle.close();
        const read = readCheckpoint(join(folder, 'step-000000002'));
        // White space of the JSON and the temporary nature of a space are the only bytes without meaning.
        const harmless = name === 'checkpoint.json' && /\s/.test(String.fromCharCode(whole[at]!));
        if (!harmless) await expect(read, `byte ${at}`).rejects.toThrow(IntegrityError);
        else await read.catch(() => {});
        await writeFile(damaged, whole);
      }
      await writeFile(damaged, whole.subarray(0, -2));
      const lines: string[] = [];
      const store = await CheckpointStore.open(folder, 3);
      expect((await store.latest((line) => lines.push(line)))!.receipt.step).toBe(1);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/step 2 is damaged and set aside/);
      expect((await readdir(folder)).sort()).toEqual(['damaged-step-000000002', 'step-000000001']);
    },
  );

  it('refuses, and does not set aside, a checkpoint of another version', async () => {
    const store = await filled(1);
    const newer = { ...receiptOf(2), format: 2 } as unknown as Receipt;
    await store.save(stateOf(2), newer);
    const read = store.latest(never);
    await expect(read).rejects.toThrow(/another format version; expected 1; found 2/);
    await expect(read).rejects.not.toThrow(IntegrityError);
    await expect(read).rejects.toThrow(ProvenderError);
    expect(await store.steps()).toEqual([1, 2]);
  });

  it('leaves the old checkpoints where a new one cannot be written', async () => {
    const store = await filled(1);
    const broken = { ...stateOf(2), moments: new Map([['m', { shape: [5], data: new Float32Array(1) }]]) };
    await expect(store.save(broken, receiptOf(2))).rejects.toThrow(/does not fill its shape/);
    expect(await readdir(folder)).toEqual(['step-000000001']);
    expect((await store.latest(never))!.receipt.step).toBe(1);
  });
});

describe('requireSameIdentity', () => {
  it('names the first field that differs, by path', () => {
    const a = { model: { width: 8, tied: true }, seed: 1 };
    expect(() => requireSameIdentity(a, { seed: 1, model: { tied: true, width: 8 } }, 'x')).not.toThrow();
    expect(() => requireSameIdentity(a, { ...a, model: { width: 9, tied: false } }, 'x')).toThrow(
      'cannot go on from x: model.tied differs; expected true as in the checkpoint; found false',
    );
    expect(() => requireSameIdentity(a, { ...a, more: [1] }, 'x')).toThrow(
      'more differs; expected nothing as in the checkpoint; found [1]',
    );
  });
});
