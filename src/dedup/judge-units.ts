import { judgeByBloom } from './judge-by-bloom.ts';
import { judgeExactly } from './judge-exactly.ts';
import { countUnits } from './unit-file.ts';
import type { Judging, UnitCosts } from './unit-order.ts';
import { UnitVerdicts } from './unit-verdicts.ts';

/** The verdict on every unit: which of its keys came before it, in the order of documents. */
export async function judgeUnits(
  judging: Judging,
): Promise<{ verdicts: UnitVerdicts; costs: UnitCosts; keys: number }> {
  const { keys, units } = countUnits(judging.sides);
  const verdicts = new UnitVerdicts(units);
  const costs =
    judging.options.method === 'exact'
      ? await judgeExactly(judging, keys, verdicts)
      : await judgeByBloom(judging, keys, verdicts);
  return { verdicts, costs, keys };
}
