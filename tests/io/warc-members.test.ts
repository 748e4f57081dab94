import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InputFile } from '../../src/core/stage.ts';
import { listFiles, type Outcome, put, readSlice, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();

function record(type: string, content: string | Buffer, id?: string, length?: number): Buffer {
  const bytes = Buffer.from(content);
  const named = id === undefined ? '' : `WARC-Record-ID: <urn:${id}>\r\n`;
  const head = `WARC/1.0\r\nWARC-Type: ${type}\r\n${named}Content-Type: text/plain\r\nContent-Length: ${length ?? bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from('\r\n\r\n')]);
}
const text = (name: string, length?: number) => record('conversion', `text of ${name}`, undefined, length);
/** Text that gzip shrinks little. */
const noise = (bytes: number) => randomBytes(Math.ceil(bytes * 0.75)).toString('base64');
const member = (...parts: Buffer[]) => gzipSync(Buffer.concat(parts));

async function fileOf(members: readonly Buffer[]): Promise<InputFile> {
  put(folder, 'x.warc.gz', Buffer.concat(members));
  const [file] = await listFiles({ inputs: [{ files: 'x.warc.gz' }] }, folder);
  return file!;
}

const seen = ({ documents, rejects }: Outcome) => ({
  documents: documents.map(({ id, start, end, text }) => ({ id, start, end, text })),
  rejects: rejects.map(({ reason, error, bytes }) => [reason, error.message, bytes]),
});

/** What the slices between these cuts give together. */
async function cutAt(file: InputFile, cuts: readonly number[]) {
  const all = { documents: [] as unknown[], rejects: [] as unknown[] };
  const edges = [0, ...cuts, file.size];
  for (let i = 0; i + 1 < edges.length; i++) {
    const outcome = await readSlice(file, edges[i]!, edges[i + 1]!);
    expect(outcome.consumed).toBe(edges[i + 1]! - edges[i]!);
    const { documents, rejects } = seen(outcome);
    all.documents.push(...documents);
    all.rejects.push(...rejects);
  }
  return all;
}

/** Where each member begins. */
const startsOf = (members: readonly Buffer[]) =>
  members.map((_, i) => members.slice(0, i).reduce((sum, one) => sum + one.length, 0));

const several = [
  member(record('warcinfo', 'software: x')),
  member(text('a'), text('b'), record('request', 'GET /'), text('c')),
  member(Buffer.from('junk between records\r\n'), text('after junk')),
  member(text('lies', 5)),
  member(text('lies as well', 900)),
  // A record over two members, and a member of nothing.
  gzipSync(text('in two').subarray(0, 60)),
  gzipSync(text('in two').subarray(60)),
  gzipSync(''),
  member(text('d')),
  member(record('resource', 'named', 'own-name')),
];

describe('a gzipped WARC of several members', () => {
  test('says of a document which member its record is in', async () => {
    const file = await fileOf(several);
    const starts = startsOf(several);
    const { documents } = seen(await readSlice(file));
    expect(documents.map(({ id, text }) => [id, text])).toEqual([
      [`x.warc.gz#${starts[1]}`, 'text of a'],
      [`x.warc.gz#${starts[1]}.1`, 'text of b'],
      [`x.warc.gz#${starts[1]}.3`, 'text of c'],
      [`x.warc.gz#${starts[2]}`, 'text of after junk'],
      [`x.warc.gz#${starts[3]}`, 'text'],
      [`x.warc.gz#${starts[5]}`, 'text of in two'],
      [`x.warc.gz#${starts[8]}`, 'text of d'],
      ['urn:own-name', 'named'],
    ]);
    const bytes = Buffer.concat(several);
    for (const { start, end, text } of documents)
      if (text !== 'text of in two')
        expect(several.some((one) => one.equals(bytes.subarray(start, end)))).toBe(true);
    const inTwo = documents.find((one) => one.text === 'text of in two')!;
    expect([inTwo.start, inTwo.end]).toEqual([starts[5], starts[7]]);
  });

  test('gives the same documents and errors wherever it is cut', async () => {
    const file = await fileOf(several);
    const whole = seen(await readSlice(file));
    expect(whole.rejects.map(([reason]) => reason)).toEqual([
      'malformed-record',
      'malformed-record',
      'truncated-input',
    ]);
    for (let cut = 1; cut < file.size; cut++) expect(await cutAt(file, [cut])).toEqual(whole);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: file.size - 1 }), { maxLength: 8 }),
        async (cuts) => {
          const sorted = cuts.sort((a, b) => a - b);
          expect(await cutAt(file, sorted)).toEqual(whole);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('goes on from every cursor inside every slice', async () => {
    const file = await fileOf(several);
    for (const cut of [startsOf(several)[1]!, startsOf(several)[1]! + 1, startsOf(several)[6]!, file.size])
      for (const [start, end] of [
        [0, cut],
        [cut, file.size],
      ] as const)
        for (const batchDocuments of [1, 2]) {
          if (start === end) continue;
          const whole = await readSlice(file, start, end, undefined, { batchDocuments });
          for (const at of whole.cursors) {
            const rest = await readSlice(file, start, end, at.cursor, { batchDocuments });
            const { documents, rejects } = seen(whole);
            expect(seen(rest)).toEqual({
              documents: documents.slice(at.documents),
              rejects: rejects.slice(at.rejects),
            });
            expect(at.consumed + rest.consumed).toBe(end - start);
          }
        }
  });

  test('is offered for cutting when it is large, one member is not', async () => {
    const members = Array.from({ length: 40 }, (_, i) => member(text(`${i} ${noise(4000)}`)));
    expect((await fileOf(members)).splittable).toBe(true);
    const one = await fileOf([gzipSync(Buffer.concat(members.map((_, i) => text(`${i} ${noise(4000)}`))))]);
    expect(one.splittable).toBe(false);
    const whole = seen(await readSlice(one));
    expect(whole.documents).toHaveLength(40);
    expect(whole.documents[1]!.start).toBeGreaterThan(4000);
    for (const cut of [1, 30_000, one.size - 1]) expect(await cutAt(one, [cut])).toEqual(whole);
  });

  test('is not taken apart inside a gzip file that it holds', async () => {
    const nested = Array.from({ length: 60 }, (_, i) => member(text(`nested ${i} ${noise(2000)}`)));
    const held = record('response', Buffer.concat([Buffer.from('no http\r\n'), ...nested]));
    const members = [
      ...Array.from({ length: 4 }, (_, i) => member(text(`before ${i}`))),
      gzipSync(held, { level: 0 }),
      gzipSync(held, { level: 6 }),
      ...Array.from({ length: 4 }, (_, i) => member(text(`after ${i}`))),
    ];
    const file = await fileOf(members);
    const bytes = Buffer.concat(members);
    // The members of the nested file stand there as they are.
    expect(bytes.includes(nested[3]!)).toBe(true);
    const whole = seen(await readSlice(file));
    const cuts: number[] = [];
    for (
      let at = bytes.indexOf('\x1f\x8b\b', 0, 'latin1');
      at >= 0;
      at = bytes.indexOf('\x1f\x8b\b', at + 1, 'latin1')
    )
      if (at > 0) cuts.push(at);
    expect(cuts.length).toBeGreaterThan(60);
    for (const cut of cuts.filter((_, i) => i % 12 === 1)) expect(await cutAt(file, [cut])).toEqual(whole);
  });

  test('damaged: costs its member, is located, and is the same wherever the file is cut', async () => {
    const members = Array.from({ length: 60 }, (_, i) => member(text(`${i} ${noise(6000)}`)));
    const starts = startsOf(members);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.nat(2000),
        fc.integer({ min: 1, max: 255 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        async (which, where, flip, places) => {
          const changed = members.map((one) => Buffer.from(one));
          changed[which]![20 + where]! ^= flip;
          const file = await fileOf(changed);
          const whole = seen(await readSlice(file));
          expect(whole.rejects).toEqual([
            [
              'corrupt-input',
              expect.stringContaining(`byte ${starts[which]}: gzip data damaged`),
              expect.any(Number),
            ],
          ]);
          const kept = whole.documents
            .filter(({ start }) => start !== starts[which])
            .map(({ start }) => start);
          expect(kept).toEqual(starts.filter((_, i) => i !== which));
          const cuts = [
            starts[which]!,
            starts[which]! + 1,
            ...places.map((place) => 1 + (place % (file.size - 1))),
          ];
          for (const cut of cuts) expect(await cutAt(file, [cut])).toEqual(whole);
          const sorted = [...new Set(cuts)].sort((a, b) => a - b);
          expect(await cutAt(file, sorted)).toEqual(whole);
        },
      ),
      { numRuns: 8 },
    );
  });

  test('cut short, padded with zeros, or with a member too long for one call', async () => {
    const small = Array.from({ length: 30 }, (_, i) => member(text(`${i} ${noise(4000)}`)));
    const large = member(text(noise(6_000_000)), text('behind it'));
    for (const [members, rejects] of [
      [[...small.slice(0, -1), small.at(-1)!.subarray(0, 1000)], ['truncated-input']],
      [[...small, Buffer.alloc(1000)], []],
      [[...small.slice(0, 20), large, ...small.slice(20)], []],
    ] as const) {
      const file = await fileOf(members);
      const whole = seen(await readSlice(file));
      expect(whole.rejects.map(([reason]) => reason)).toEqual(rejects);
      const starts = startsOf(members);
      if (members.includes(large))
        expect(whole.documents.filter(({ start }) => start === starts[20]).map(({ end }) => end)).toEqual([
          starts[21],
          starts[21],
        ]);
      for (const cut of [starts[5]!, starts[20]! + 1, starts[29]! + 1])
        expect(await cutAt(file, [cut])).toEqual(whole);
    }
  });
});
