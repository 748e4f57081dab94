import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { NewDocument } from '../../src/core/document.ts';
import { DocumentFileWriter, type Refusal, readDocumentFile } from '../../src/core/document-file.ts';
import { IntegrityError } from '../../src/core/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'provender-documents-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function write(path: string, batches: NewDocument[][], refusals?: Refusal[][]): Promise<void> {
  const writer = new DocumentFileWriter(path);
  for (const [i, documents] of batches.entries()) writer.add(DocumentBatch.from(documents), refusals?.[i]);
  await writer.finish();
}

async function read(
  path: string,
  from?: number,
): Promise<{ documents: unknown[]; refusals: unknown[]; cursors: number[] }> {
  const documents: unknown[] = [];
  const refusals: unknown[] = [];
  const cursors: number[] = [];
  for await (const frame of readDocumentFile(path, from)) {
    for (const { text, id, corpus, source, start, end, split, group, metadata, signals } of frame.batch) {
      documents.push({ text, id, corpus, source, start, end, split, group, metadata, signals });
    }
    refusals.push(...(frame.refusals ?? []));
    cursors.push(frame.next);
  }
  return { documents, refusals, cursors };
}

const document = fc.record({
  id: fc.string({ unit: 'grapheme' }),
  corpus: fc.constantFrom('a', 'b', '__proto__'),
  source: fc.constantFrom('x.jsonl', 'y.jsonl'),
  start: fc.nat(),
  end: fc.maxSafeNat(),
  text: fc.string({ unit: 'grapheme' }),
  split: fc.constantFrom('train' as const, 'held-out' as const),
  group: fc.option(fc.string(), { nil: undefined }),
  metadata: fc.dictionary(
    fc.stringMatching(/^[a-z]{1,5}$/),
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
  ),
  signals: fc.dictionary(
    fc.stringMatching(/^[a-z]{1,5}$/),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
  ),
});

describe('files of documents', () => {
  it('give back what was written, from every frame on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(document, { minLength: 1, maxLength: 5 }), { maxLength: 4 }),
        async (batches) => {
          const path = join(folder, 'round-trip');
          await write(path, batches);
          const { documents, cursors } = await read(path);
          const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
          expect(plain(documents)).toEqual(plain(batches.flat()));
          for (let i = 0; i < cursors.length; i++) {
            expect(plain((await read(path, cursors[i])).documents)).toEqual(
              plain(batches.slice(i + 1).flat()),
            );
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keep verdicts beside refused documents', async () => {
    const path = join(folder, 'refused');
    const refusal: Refusal = {
      keep: false,
      step: 'length',
      reason: 'too-few-words',
      value: 3,
      threshold: 50,
    };
    await write(path, [[{ id: '1', corpus: 'c', source: 's', start: 0, end: 1, text: 'x' }]], [[refusal]]);
    expect((await read(path)).refusals).toEqual([refusal]);
  });

  it('say where they are damaged: every flipped byte after the header is found', async () => {
    const path = join(folder, 'flipped');
    await write(path, [[{ id: '1', corpus: 'c', source: 's', start: 0, end: 1, text: 'some text' }]]);
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      if (at >= 12 && at < 16) continue; // reserved
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x41;
      writeFileSync(path, damaged);
      await expect(read(path), `byte ${at}`).rejects.toThrow(IntegrityError);
    }
  });

  it('say that they end early at every point of truncation', async () => {
    const path = join(folder, 'cut');
    await write(path, [[{ id: '1', corpus: 'c', source: 's', start: 0, end: 1, text: 'some text' }]]);
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      if (length === 16) continue; // header alone: a file of no frames
      writeFileSync(path, whole.subarray(0, length));
      await expect(read(path), `${length} bytes`).rejects.toThrow(IntegrityError);
    }
  });

  it('pass over frames that are not wanted, and still find a damaged header', async () => {
    const path = join(folder, 'wanted');
    const of = (id: string): NewDocument => ({
      id,
      corpus: 'c',
      source: 's',
      start: 0,
      end: 1,
      text: `of ${id}`,
    });
    await write(path, [[of('a'), of('b')], [of('c')], [of('d'), of('e')]]);
    const found: [string, number][] = [];
    const isWanted = (ids: readonly string[]) => ids.includes('d');
    for await (const { batch } of readDocumentFile(path, undefined, 10, isWanted))
      for (const { id, ordinal } of batch.rows) found.push([id, ordinal]);
    expect(found).toEqual([
      ['d', 13],
      ['e', 14],
    ]);
    const whole = readFileSync(path);
    whole[whole.indexOf('"id"')] = 0;
    writeFileSync(path, whole);
    const all = async () => {
      for await (const _ of readDocumentFile(path, undefined, 0, isWanted));
    };
    await expect(all()).rejects.toThrow(IntegrityError);
  });
});
