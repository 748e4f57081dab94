// Ablations. The case `calibration-null` trains 2,400 micro models: it runs where it is named, and only there.
import { calibrationNull } from './ablate-null.mjs';
import { orchestration } from './ablate-orchestration.mjs';
import { calibrationSimulated } from './ablate-simulated.mjs';

const CASES = { orchestration, 'calibration-simulated': calibrationSimulated };
const LONG = { 'calibration-null': calibrationNull };

export async function run({ cases }) {
  const all = { ...CASES, ...LONG };
  const wanted = cases.length > 0 ? cases : Object.keys(CASES);
  const rows = [];
  for (const name of wanted) if (all[name]) rows.push(...(await all[name]()));
  return rows;
}
