// The global shuffle of so many tokens: node tests/bench/shard-large.mjs FOLDER TOKENS. Documents are made batch by batch,
// which is not timed; prints {seconds, cpu, tokens, kilobytes} with the processor time (that of making documents too) and the
// peak memory of this process, its threads included.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { batches, buildSet, writeSide } from './shard-documents.mjs';

/** Of one part: what 256 MiB of text come to. */
const PART_TOKENS = 64e6;

const [folder, wanted] = [process.argv[2], Number(process.argv[3])];
let seconds = 0;

/** The same batches, the clock standing still while each is made. */
function* timed(made) {
  let started = performance.now();
  for (;;) {
    seconds += (performance.now() - started) / 1000;
    const { value, done } = made.next();
    started = performance.now();
    if (done) return;
    yield value;
  }
}

mkdirSync(folder, { recursive: true });
const sides = [];
let tokens = 0;
for (let part = 0; tokens < wanted; part++) {
  const path = join(folder, `${part}.side`);
  const made = batches(Math.min(PART_TOKENS, wanted - tokens), part);
  // Made for the clock's sake: what follows the last batch is the end of the file.
  const { written, making, ending } = await writeSide(path, timed(made));
  seconds += ending - making;
  tokens += written;
  sides.push(path);
  if (part % 10 === 9)
    process.stderr.write(`${Math.round(tokens / 1e6)}M tokens after ${seconds.toFixed(1)} s\n`);
}
const started = performance.now();
await buildSet(sides, join(folder, 'shards'), 256 << 20);
seconds += (performance.now() - started) / 1000;
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
const cpu = (userCPUTime + systemCPUTime) / 1e6;
process.stdout.write(`${JSON.stringify({ seconds, cpu, tokens, kilobytes: maxRSS })}\n`);
