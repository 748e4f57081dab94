import { join } from 'node:path';
import { InvariantError } from '../core/errors.ts';
import { planTable, RepeatsKernel } from './repeats-kernel.ts';
import { ScratchBlocks } from './scratch-blocks.ts';
import { BLOCK_KEYS, countUnits, UNIT_WORDS, type UnitRun, unitRuns } from './unit-file.ts';
import type { Judging, UnitCosts, UnitOptions, UnitOrder } from './unit-order.ts';
import { UNIT_STAYS, type UnitVerdicts, verdictOf } from './unit-verdicts.ts';

/** Visits the units of a run: number in the run, document, and its place in it. */
function* unitsOf({ counts, firstDocument }: UnitRun): Generator<[number, number, number]> {
  let unit = 0;
  for (let i = 0; i < counts.length; i++)
    for (let j = 0; j < counts[i]!; j++) yield [unit++, firstDocument + i, j];
}

/**
 * Exact but for equal hashes of 64 bits: a table says with which unit each key came first, in as many passes over
 * shares of the keys as its memory asks for; what it says is kept in a scratch file, four bytes a key.
 */
export async function judgeExactly(
  judging: Judging,
  keys: number,
  verdicts: UnitVerdicts,
): Promise<UnitCosts> {
  const { sides, order, options, folder, pace } = judging;
  const plan = planTable(keys, options.memory);
  const { runs } = countUnits(sides);
  pace.expect(runs * (2 * plan.parts + 1));
  const firsts = new ScratchBlocks(join(folder, 'firsts.tmp'));
  const table = new KeyTable();
  try {
    for (let part = 0; part < plan.parts; part++) {
      table.open(plan);
      for (const run of unitRuns(sides)) {
        const orders = ordersOfKeys(run, order);
        for (const { words } of run.keys()) table.add(words, orders, part, plan.parts);
        await pace.step(`keys, pass ${part + 1} of ${plan.parts}`);
      }
      for (const run of unitRuns(sides)) {
        for (const { number, words } of run.keys()) table.lookUp(words, number, firsts, part, plan.parts);
        await pace.step(`keys, pass ${part + 1} of ${plan.parts}`);
      }
    }
    for (const run of unitRuns(sides)) {
      countSeen(run, firsts, order, options, verdicts);
      await pace.step('verdicts');
    }
  } finally {
    firsts.dispose();
  }
  return { passes: plan.parts };
}

/** The order of the unit of each key, one after the other. */
function ordersOfKeys(run: UnitRun, { base }: UnitOrder): { next(count: number, to: Uint32Array): void } {
  const units = unitsOf(run);
  let left = 0;
  let order = 0;
  return {
    next(count, to) {
      for (let i = 0; i < count; i++) {
        while (left === 0) {
          const [unit, document, place] = units.next().value as [number, number, number];
          left = run.units[unit * UNIT_WORDS + 2]!;
          order = base[document]! + place;
        }
        left--;
        to[i] = order;
      }
    },
  };
}

class KeyTable {
  private readonly kernel = new RepeatsKernel();
  private readonly keys = this.kernel.take(BLOCK_KEYS * 8);
  private readonly orders = this.kernel.take(BLOCK_KEYS * 4);

  open(plan: ReturnType<typeof planTable>): void {
    this.kernel.openTable(plan);
  }

  add(words: Uint32Array, orders: ReturnType<typeof ordersOfKeys>, part: number, parts: number): void {
    const count = words.length / 2;
    new Uint32Array(this.kernel.buffer, this.keys, words.length).set(words);
    orders.next(count, new Uint32Array(this.kernel.buffer, this.orders, count));
    if (this.kernel.exports.addKeys(this.keys, this.orders, count, part, parts) < 0)
      throw new InvariantError('the table of keys is too small for its share');
  }

  lookUp(words: Uint32Array, number: number, firsts: ScratchBlocks, part: number, parts: number): void {
    const count = words.length / 2;
    new Uint32Array(this.kernel.buffer, this.keys, words.length).set(words);
    const found = new Uint8Array(this.kernel.buffer, this.orders, count * 4);
    firsts.read(number, found);
    this.kernel.exports.lookUpKeys(this.keys, this.orders, count, part, parts);
    firsts.write(number, found);
  }
}

function countSeen(
  run: UnitRun,
  firsts: ScratchBlocks,
  order: UnitOrder,
  { overlap, withinDocument }: UnitOptions,
  verdicts: UnitVerdicts,
): void {
  const blocks = run.keys();
  let block = new Uint32Array(0);
  let at = 0;
  for (const [unit, document, place] of unitsOf(run)) {
    const keys = run.units[unit * UNIT_WORDS + 2]!;
    const before = order.base[document]! + (withinDocument ? place : 0);
    let seen = 0;
    let seenHeldOut = 0;
    for (let k = 0; k < keys; k++) {
      if (at === block.length) {
        const { number, words } = blocks.next().value as { number: number; words: Uint32Array };
        block = new Uint32Array(words.length / 2);
        firsts.read(number, new Uint8Array(block.buffer));
        at = 0;
      }
      const first = block[at++]!;
      if (first >= before) continue;
      seen++;
      if (first < order.heldOut) seenHeldOut++;
    }
    if (order.base[document]! < order.heldOut) continue;
    const verdict = verdictOf(keys, seen, seenHeldOut, overlap);
    if (verdict !== UNIT_STAYS) verdicts.set(run.firstUnit + unit, verdict);
  }
}
