import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DocumentBatch } from '../../src/core/batch.ts';
import { decompressedWindow } from '../../src/io/compression.ts';
import { DamageError } from '../../src/io/damage.ts';
import { decodeBody, parseHttpResponse } from '../../src/io/warc/http.ts';
import { ArchiveReader } from '../../src/io/warc/records.ts';
import { ParquetSink } from '../../src/io/writers/parquet.ts';
import { peerPython } from '../bench/peers.mjs';

/** A Python with warcio and pyarrow: PROVENDER_PYTHON, or one that is made for it under .venv. */
const python =
  process.env.PROVENDER_PYTHON ?? peerPython('io', ['warcio==1.8.1', 'pyarrow', 'pandas']) ?? 'python3';
const script = join(import.meta.dirname, 'io-peers.py');
const data = join(import.meta.dirname, '../../../shared/data/warc');
const folder = mkdtempSync(join(tmpdir(), 'provender-interop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function has(...modules: string[]): boolean {
  try {
    execFileSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

interface Seen {
  type: string;
  url: string | null;
  id: string | null;
  status: string | null;
  bytes: number;
  sha1: string;
}

function peers(paths: string[]): { records: Seen[]; error: string | null }[] {
  const out = execFileSync(python, [script, 'warc', ...paths], {
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(out.toString());
}

async function ours(path: string): Promise<{ records: Seen[]; errors: string[] }> {
  const records: Seen[] = [];
  const errors: string[] = [];
  const size = readFileSync(path).length;
  const window = decompressedWindow(path, size);
  const reader = new ArchiveReader(window, path, 1 << 28, (error) => errors.push(error.message));
  try {
    for (let record = await reader.next(); record; record = await reader.next()) {
      const content = record.content!;
      const declared = record.headers.get('content-type') ?? '';
      const isHttp = /application\/http/.test(declared) && record.type !== 'request';
      const response = isHttp ? parseHttpResponse(content) : undefined;
      let body = response ? decodeBody(response, 1 << 28) : content;
      if (record.type === 'request') {
        const end = content.indexOf('\r\n\r\n');
        body = end < 0 ? Buffer.alloc(0) : content.subarray(end + 4);
      }
      records.push({
        type: record.type,
        url: record.headers.get('warc-target-uri') ?? null,
        id: record.headers.get('warc-record-id') ?? null,
        status: response ? String(response.status) : null,
        bytes: body.length,
        sha1: createHash('sha1').update(body).digest('hex'),
      });
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    errors.push(error.message);
  } finally {
    await window.close();
  }
  return { records, errors };
}

const plain = (seen: Seen) => ({
  ...seen,
  url: seen.url?.replace(/^<|>$/g, '') ?? null,
  status: seen.type === 'request' ? null : seen.status,
});

describe.skipIf(!has('warcio'))(
  'WARC against warcio (skipped without it; PROVENDER_PYTHON names a Python that has it)',
  () => {
    const names = readdirSync(data);
    const theirs = new Map<string, ReturnType<typeof peers>[number]>();
    beforeAll(() => {
      peers(names.map((name) => join(data, name))).forEach((seen, i) => {
        theirs.set(names[i]!, seen);
      });
    });

    it.each(names)('%s: the same records', async (name) => {
      const { records, errors } = await ours(join(data, name));
      const wanted = theirs.get(name)!.records.map(plain);
      if (name === 'clipped.warc.gz') {
        // Cut off inside its only record: warcio hands out what there is, in silence.
        expect(wanted).toHaveLength(1);
        expect(records).toEqual([]);
        expect(errors).toHaveLength(1);
        return;
      }
      expect(records.map(plain)).toEqual(wanted);
      // One record is a byte longer than it says: warcio warns, we count the byte.
      expect(errors).toHaveLength(name === 'example-bad-length.warc' ? 1 : 0);
    });

    it('cut anywhere: every whole record that warcio finds, or a located error', async () => {
      const packed = readFileSync(join(data, 'example-url-agnostic-revisit.warc.gz'));
      for (const [kind, bytes] of [
        ['gz', packed],
        ['plain', gunzipSync(packed)],
      ] as const) {
        const paths: string[] = [];
        for (let length = 2; length < bytes.length; length += 7) {
          const path = join(folder, `${kind}-${length}.warc`);
          writeFileSync(path, bytes.subarray(0, length));
          paths.push(path);
        }
        const seen = peers(paths);
        for (const [i, path] of paths.entries()) {
          const { records, errors } = await ours(path);
          const wanted = seen[i]!.records.map(plain);
          // warcio gives a cut-off record as if it were whole: ours must be the same but for that one, and say so.
          if (errors.length === 0) expect(records.map(plain)).toEqual(wanted);
          else {
            expect(wanted.slice(0, records.length)).toEqual(records.map(plain));
            expect(wanted.length - records.length).toBeLessThanOrEqual(1);
            expect(errors[0]).toMatch(/byte \d+/);
          }
        }
      }
    });
  },
);

describe.skipIf(!has('pyarrow'))('Parquet against pyarrow (skipped without it)', () => {
  it.each(['UNCOMPRESSED', 'SNAPPY', 'GZIP'] as const)('reads what is written, %s', async (codec) => {
    const path = join(folder, `${codec}.parquet`);
    const documents = Array.from({ length: 500 }, (_, i) => ({
      id: `d${i}`,
      corpus: 'c',
      source: 's',
      start: i,
      end: 5_000_000_000 + i,
      text: `text ${i} \u00fc \ud83d\ude00`,
      group: i % 2 ? 'g' : undefined,
      metadata: { n: i },
      signals: { a: 0.5 },
    }));
    const sink = new ParquetSink(path, codec, 200);
    sink.add(DocumentBatch.from(documents));
    await sink.finish();
    const out = execFileSync(python, [script, 'parquet', path], { maxBuffer: 1 << 28 });
    const [rows] = JSON.parse(out.toString());
    expect(rows).toEqual(
      documents.map((d) => ({
        ...d,
        group: d.group ?? null,
        split: 'train',
        metadata: JSON.stringify(d.metadata),
        signals: JSON.stringify(d.signals),
      })),
    );
  });
});
