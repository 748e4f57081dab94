// How often 95 % intervals hold the true difference in 2,000 simulated ablations of four arms and 3 to 6 seeds.
import { tsImport } from 'tsx/esm/api';

const TRIALS = 2000;
const SEED = 1;

export async function calibrationSimulated() {
  const { simulatedCoverage } = await tsImport('../ablate/calibration.ts', import.meta.url);
  const cells = simulatedCoverage(TRIALS, SEED);
  const row = (name, of, among) => {
    const trials = among.reduce((sum, cell) => sum + cell.trials, 0);
    const covered = among.reduce((sum, cell) => sum + cell[of], 0);
    const ours = (100 * covered) / trials;
    return {
      area: 'ablate',
      case: `calibration-simulated · ${name}`,
      unit: `% of ${trials}`,
      ours,
      peers: {},
      ratio: {},
    };
  };
  const kinds = [...new Set(cells.map(({ kind }) => kind))];
  return [
    row('95 % intervals', 'covered', cells),
    row("the null control's interval", 'nullCovered', cells),
    row('all corrected intervals of a trial', 'familyCovered', cells),
    ...kinds.map((kind) =>
      row(
        kind,
        'covered',
        cells.filter((cell) => cell.kind === kind),
      ),
    ),
  ];
}
