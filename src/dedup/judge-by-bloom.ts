import { join } from 'node:path';
import { BloomFilter } from './bloom-filter.ts';
import type { DocumentOrder } from './document-order.ts';
import { RankBuckets } from './rank-buckets.ts';
import { countUnits, UNIT_WORDS, type UnitRun, unitRuns } from './unit-file.ts';
import type { Judging, UnitCosts, UnitOptions } from './unit-order.ts';
import { UNIT_STAYS, type UnitVerdicts, verdictOf } from './unit-verdicts.ts';

/** Words of a document's record in a bucket: rank, first unit, number of units; then key counts, then keys. */
const RECORD_WORDS = 3;
/**
 * By Bloom filters, one for the keys of held-out documents and one for the others, that take the documents in their
 * order: these are first distributed over buckets of ranks in a scratch file, so that memory is that of the filters.
 */
export async function judgeByBloom(
  judging: Judging,
  keys: number,
  verdicts: UnitVerdicts,
): Promise<UnitCosts> {
  const { sides, documents, order, options, folder, pace } = judging;
  const { runs } = countUnits(sides);
  pace.expect(runs);
  const buckets = new RankBuckets(
    join(folder, 'ranks.tmp'),
    documents.rank.length,
    keys * 8 + verdicts.units * 4,
  );
  pace.expect(buckets.count);
  try {
    let heldOutKeys = 0;
    for (const run of unitRuns(sides)) {
      heldOutKeys += distribute(run, documents, buckets);
      await pace.step('buckets');
    }
    // A key is looked up in both filters: the rates add up.
    const share = heldOutKeys > 0 ? 2 : 1;
    const rate = options.falsePositiveRate / share;
    const filters = [new BloomFilter(heldOutKeys, rate), new BloomFilter(keys - heldOutKeys, rate)] as const;
    for (let bucket = 0; bucket < buckets.count; bucket++) {
      for (const record of buckets.sorted(bucket)) {
        const heldOut = record[0]! < documents.heldOut;
        judgeRecord(record, filters, heldOut, options, verdicts);
      }
      await pace.step('filters');
    }
    const [heldOut, training] = filters;
    return {
      filterBytes: heldOut.bytes + training.bytes,
      filterHashes: training.hashes,
      falsePositiveRate: Number(((heldOutKeys > 0 ? heldOut.rate : 0) + training.rate).toPrecision(3)),
      heldOutUnits: order.heldOut,
    };
  } finally {
    buckets.dispose();
  }
}

/** Sends the documents of a run to their buckets; returns how many keys held-out ones have. */
function distribute(run: UnitRun, { rank, heldOut }: DocumentOrder, buckets: RankBuckets): number {
  const blocks = run.keys();
  let words: Uint32Array = new Uint32Array(0);
  let at = 0;
  let unit = 0;
  let heldOutKeys = 0;
  for (let i = 0; i < run.counts.length; i++) {
    const units = run.counts[i]!;
    if (units === 0) continue;
    let keys = 0;
    for (let j = 0; j < units; j++) keys += run.units[(unit + j) * UNIT_WORDS + 2]!;
    const record = new Uint32Array(RECORD_WORDS + units + 2 * keys);
    record[0] = rank[run.firstDocument + i]!;
    record[1] = run.firstUnit + unit;
    record[2] = units;
    for (let j = 0; j < units; j++) record[RECORD_WORDS + j] = run.units[(unit + j) * UNIT_WORDS + 2]!;
    for (let to = RECORD_WORDS + units; to < record.length; ) {
      if (at === words.length) {
        words = (blocks.next().value as { words: Uint32Array }).words;
        at = 0;
      }
      const n = Math.min(words.length - at, record.length - to);
      record.set(words.subarray(at, at + n), to);
      at += n;
      to += n;
    }
    if (record[0]! < heldOut) heldOutKeys += keys;
    buckets.add(record);
    unit += units;
  }
  return heldOutKeys;
}

function judgeRecord(
  record: Uint32Array,
  [heldOutFilter, filter]: readonly [BloomFilter, BloomFilter],
  heldOut: boolean,
  { overlap, withinDocument }: UnitOptions,
  verdicts: UnitVerdicts,
): void {
  const units = record[2]!;
  const keysAt = RECORD_WORDS + units;
  const own = heldOut ? heldOutFilter : filter;
  let at = keysAt;
  for (let j = 0; j < units; j++) {
    const keys = record[RECORD_WORDS + j]!;
    const end = at + 2 * keys;
    let seen = 0;
    let seenHeldOut = 0;
    for (let k = at; k < end && !heldOut; k += 2) {
      const inHeldOut = heldOutFilter.has(record[k]!, record[k + 1]!);
      if (inHeldOut) seenHeldOut++;
      if (inHeldOut || filter.has(record[k]!, record[k + 1]!)) seen++;
    }
    const verdict = verdictOf(keys, seen, seenHeldOut, overlap);
    if (verdict !== UNIT_STAYS) verdicts.set(record[1]! + j, verdict);
    if (withinDocument) for (let k = at; k < end; k += 2) own.add(record[k]!, record[k + 1]!);
    at = end;
  }
  if (withinDocument) return;
  for (let k = keysAt; k < record.length; k += 2) own.add(record[k]!, record[k + 1]!);
}
