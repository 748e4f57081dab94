/*
 * One process of the test of substring-dedup at scale: `tap FOLDER PART DOCUMENTS FIRST TEXTS` writes a side file,
 * `reduce FOLDER PARTS DOCUMENTS` finds the spans. TEXTS are `generated` ones, `copies` of one, or one of `repeated`
 * lines with as many bytes as DOCUMENTS says. Prints one line of JSON.
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DocumentBatch } from '../../src/core/batch.ts';
import type { NewDocument } from '../../src/core/document.ts';
import type { SideFile } from '../../src/core/stage.ts';
import { SPANS_FILE } from '../../src/dedup/span-file.ts';
import { substringDedup, substringDedupOptions } from '../../src/dedup/substring-dedup.ts';
import { jobContext, stageContext } from '../dedup/harness.ts';
import { generated } from './substrings-generated.ts';

const [command, folder, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
const numbers = rest.map(Number);
const options = substringDedupOptions.parse({ minLength: 100, memoryMiB: 1024 });
const started = performance.now();
const LINE = 'This is the line that the text is made of, over and over again, one after the other.\n';
const COPY = LINE.repeat(2);

function text(kind: string, i: number): NewDocument {
  if (kind === 'generated') return generated(i);
  return { id: String(i), corpus: 'copies', source: '', start: 0, end: 0, text: COPY };
}

async function tap(part: number, documents: number, first: number, kind: string): Promise<object> {
  const path = join(folder, `side-${part}`);
  const sink = await substringDedup.barrier.tap(options, stageContext(), path);
  if (kind === 'repeated') {
    const line = Buffer.from(LINE);
    const whole = {
      id: 'one',
      corpus: 'repeated',
      source: '',
      start: 0,
      end: 0,
      text: Buffer.alloc(documents, line),
    };
    await sink.add(DocumentBatch.from([whole]));
  } else {
    for (let from = 0; from < documents; from += 256) {
      const n = Math.min(256, documents - from);
      const batch = Array.from({ length: n }, (_, i) => text(kind, first + from + i));
      await sink.add(DocumentBatch.from(batch, from));
    }
  }
  await sink.finish();
  return { bytes: statSync(path).size };
}

async function reduce(parts: number, documents: number): Promise<object> {
  const sides = Array.from({ length: parts }, (_, part): SideFile => {
    const path = join(folder, `side-${part}`);
    return { path, partition: part, part: 0, firstDocument: part * documents, documents };
  });
  const job = join(folder, 'job');
  mkdirSync(job, { recursive: true });
  const { summary } = await substringDedup.barrier.reduce(options, sides, jobContext(job));
  return { summary, bytes: statSync(join(job, SPANS_FILE)).size };
}

const result =
  command === 'tap'
    ? await tap(numbers[0]!, numbers[1]!, numbers[2]!, rest[3]!)
    : await reduce(numbers[0]!, numbers[1]!);
const seconds = (performance.now() - started) / 1000;
const { maxRSS, userCPUTime } = process.resourceUsage();
console.log(JSON.stringify({ ...result, seconds, cpu: userCPUTime / 1e6, rss: maxRSS * 1024 }));
