/** Outcomes as the runner might leave them: a clear win, nothing to tell apart, a failed control, lost trainings. */

import type { AblationOutcome, FilterProbe, Probes, ScoredDocuments } from '../../src/ablate/outcome.ts';
import { Random } from '../../src/core/random.ts';
import { type SimulatedArm, simulate } from '../ablate/simulated.ts';

const DOMAINS = ['clean mail', 'Moby Dick', 'speeches'];
const QUICKSTART: readonly SimulatedArm[] = [
  { name: 'clean' },
  { name: 'raw', effect: { 'clean mail': 0.113, 'Moby Dick': 0.04, speeches: 0.017 } },
  { name: 'shuffled-25', role: 'positive-control', effect: 0.08 },
  { name: 'shuffled-50', role: 'positive-control', effect: 0.15 },
  { name: 'null', role: 'null-control' },
];

function changed(name: string, change: Partial<SimulatedArm>): SimulatedArm[] {
  return QUICKSTART.map((arm) => (arm.name === name ? { ...arm, ...change } : arm));
}

function outcome(
  seed: number,
  arms: readonly SimulatedArm[],
  more: Partial<Parameters<typeof simulate>[0]> = {},
) {
  return simulate({ seed, arms, seeds: 6, domains: DOMAINS, correlation: 0.1, ...more });
}

export const ablationOutcomes = {
  clear: (): AblationOutcome => ({
    ...outcome(5, QUICKSTART, {
      documents: 24,
      documentSpread: 0.05,
      settings: [
        { size: '0.25M', learningRate: 0.003 },
        { size: '0.25M', learningRate: 0.01 },
        { size: '1M', learningRate: 0.003 },
      ],
    }),
    probes: probes(new Random('probes')),
  }),
  open: () => outcome(2, changed('raw', { effect: { 'clean mail': 0.008, 'Moby Dick': -0.06 } })),
  void: () => outcome(7, changed('shuffled-25', { effect: 0.002 })),
  lost: () =>
    outcome(5, [
      ...changed('raw', { diverged: [1, 4], outlier: { block: 2, shift: 0.2 } }),
      {
        name: 'minimum of 2,000 words a document, and no mail without a subject line',
        warnings: [
          { reason: 'repeats', detail: '48,210 tokens are left of 300,000: each would be seen 6.2 times' },
        ],
      },
    ]),
};

function scored(random: Random, documents: number, mean: number, name: string): ScoredDocuments {
  const perDocument = Array.from({ length: documents }, () => mean * Math.exp(0.25 * random.normal()));
  const example = (i: number, bitsPerByte: number) => ({
    corpus: 'spam-assassin',
    id: `spam-assassin/hard-ham-1/${name}-${String(i).padStart(5, '0')}.d24e99a602ee7fb442714c0d448cd08e.txt`,
    bitsPerByte,
    reason: name === 'refused' ? 'too-few-alphabetic-words: 0.71, threshold 0.8' : undefined,
    text: 'Bitte beachten Sie die Angebote unserer Werbepartner.\n> http://www.example.org/a/very/long/address/that/does/not/break/anywhere/at/all/index.html?with=parameters&and=more\n'.repeat(
      5,
    ),
  });
  const sorted = [...perDocument].sort((a, b) => a - b);
  return {
    documents,
    bytes: documents * 1800,
    bitsPerByte: mean,
    perDocument,
    least: [0, 1].map((i) => example(i, sorted[i]!)),
    most: [0, 1].map((i) => example(10 + i, sorted.at(-1 - i)!)),
  };
}

function probes(random: Random): Probes {
  const filter = (step: string, refused: number, arm?: string): FilterProbe => ({
    step,
    arm,
    refused: scored(random, 180, refused, 'refused'),
    kept: scored(random, 400, 3.1, 'kept'),
  });
  return {
    model: 'clean, 0.25M, block 0',
    filters: [filter('gopher-quality', 4.0, 'raw'), filter('gopher-repetition', 2.2)],
    signals: [
      {
        signal: 'gopher-quality.alphabeticWordRatio',
        rows: Array.from({ length: 10 }, (_, i) => ({
          low: 0.5 + i * 0.05,
          high: 0.55 + i * 0.05,
          documents: 400,
          bytes: 700_000,
          bitsPerByte: 4.2 - 0.12 * i,
        })),
      },
    ],
    clusterSizes: [
      { low: 1, high: 1, documents: 5200, bytes: 9_000_000, bitsPerByte: 3.2 },
      { low: 2, high: 3, documents: 410, bytes: 800_000, bitsPerByte: 2.9 },
      { low: 4, high: 16, documents: 120, bytes: 200_000, bitsPerByte: 2.1 },
    ],
    canaries: [
      { repeats: 1, canaries: 32, extracted: 0, bitsPerByte: 6.1 },
      { repeats: 16, canaries: 32, extracted: 1, bitsPerByte: 4.8 },
      { repeats: 256, canaries: 32, extracted: 29, bitsPerByte: 0.6 },
    ],
  };
}
