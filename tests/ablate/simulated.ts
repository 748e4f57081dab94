/** Outcomes of ablations from a small model of runs: what a training measures is mean + block + residual. */

import type {
  AblationOutcome,
  ArmOutcome,
  ArmRole,
  Domain,
  TrainingOutcome,
} from '../../src/ablate/outcome.ts';
import { sha256 } from '../../src/core/hash.ts';
import { Random } from '../../src/core/random.ts';

export interface SimulatedArm {
  readonly name: string;
  readonly role?: ArmRole;
  /** Added to the base's bits per byte, by domain, or in all. */
  readonly effect?: number | Readonly<Record<string, number>>;
  /** Standard deviation between seeds. */
  readonly spread?: number;
  /** Blocks whose training diverged. */
  readonly diverged?: readonly number[];
  /** Bits per byte added to one block: an outlying run. */
  readonly outlier?: { readonly block: number; readonly shift: number };
  readonly warnings?: ArmOutcome['warnings'];
}

export interface Simulation {
  readonly seed: string | number;
  readonly arms: readonly SimulatedArm[];
  readonly seeds: number;
  readonly domains?: readonly string[];
  readonly settings?: readonly { readonly size: string; readonly learningRate: number }[];
  /** Correlation of the runs of one block. */
  readonly correlation?: number;
  /** Documents a domain; where given, losses by document are kept. */
  readonly documents?: number;
  /** Standard deviation of an arm's effect between documents, in bits per byte. */
  readonly documentSpread?: number;
  readonly comparisons?: AblationOutcome['declaration']['comparisons'];
}

const LEVEL: Readonly<Record<string, number>> = { 'clean mail': 3.1, 'Moby Dick': 2.4, speeches: 1.7 };
const SIZE_GAIN = 0.25;

export function simulate(simulation: Simulation): AblationOutcome {
  const {
    seed,
    arms,
    seeds,
    domains: names = ['clean mail'],
    settings = [{ size: '0.25M', learningRate: 0.003 }],
  } = simulation;
  const random = new Random(seed).split('simulation');
  const domains = names.map((name, i) => domainOf(name, i, names.length, simulation, random));
  const trainings = settings.flatMap((setting, s) => {
    const blocks = Array.from({ length: seeds }, () => random.normal());
    return arms.flatMap((arm) =>
      Array.from({ length: seeds }, (_, block) =>
        trainingOf(simulation, domains, arm, { ...setting, index: s }, block, blocks[block]!, random),
      ),
    );
  });
  return {
    version: 1,
    declaration: {
      name: 'simulated',
      question: 'What does raw mail cost on clean mail?',
      primary: names[0]!,
      comparisons:
        simulation.comparisons ?? arms.slice(1).map(({ name }) => ({ arm: name, against: arms[0]!.name })),
      budget: { equal: 'tokens', value: 300_000 },
      confidence: 0.95,
    },
    domains,
    arms: arms.map(armOf),
    trainings,
  };
}

function domainOf(name: string, i: number, count: number, { documents }: Simulation, random: Random): Domain {
  const documentBytes = documents && Array.from({ length: documents }, () => 400 + random.below(4000));
  return {
    name,
    target: `held-out ${name}`,
    weight: 1 / count,
    primary: i === 0,
    documents: documents ?? 60,
    bytes: documentBytes ? documentBytes.reduce((sum, one) => sum + one, 0) : 120_000,
    ...(documentBytes ? { documentBytes } : {}),
    digest: sha256(name),
  };
}

function armOf({ name, role = 'treatment', warnings = [] }: SimulatedArm, i: number): ArmOutcome {
  const isLike = i === 0 || role === 'null-control';
  const kept = isLike ? 6293 : 6293 - 700 * (i % 4);
  return {
    name,
    role: i === 0 ? 'base' : role,
    summary:
      i === 0 ? 'the pipeline as it is' : isLike ? 'the base again, with other seeds' : `${name} instead`,
    changes: isLike ? [] : [{ path: 'length.minWords', from: 20, to: 20 + 30 * i }],
    funnel: [
      step('read', 6417, 6397, 24_100_000, { 'missing-text': 20 }),
      step('length', 6397, kept, 23_800_000, { 'too-few-words': 6397 - kept }),
      step('gopher-quality', kept, kept - 3000, 22_000_000, {
        'too-few-alphabetic-words': 2200,
        'too-few-words': 673,
        'too-many-hashes': 127,
      }),
    ],
    mixture: [
      { corpus: 'sotu', tokens: 120_000, share: 0.4, epochs: 0.2 },
      { corpus: 'spam-assassin', tokens: 180_000, share: 0.6, epochs: 0.8 + 0.1 * i },
    ],
    trainTokens: 300_000,
    overlapsRemoved: 37,
    warnings,
    digests: { tokenizer: sha256('tokenizer'), shards: sha256(name) },
  };
}

function step(
  name: string,
  documentsIn: number,
  documentsOut: number,
  bytesIn: number,
  drops: Readonly<Record<string, number>>,
): ArmOutcome['funnel'][number] {
  const bytesOut = Math.round((bytesIn * documentsOut) / documentsIn);
  return { step: name, kind: name, documentsIn, documentsOut, bytesIn, bytesOut, drops };
}

function trainingOf(
  { correlation = 0, documents, documentSpread = 0, seed, arms }: Simulation,
  domains: readonly Domain[],
  arm: SimulatedArm,
  setting: { readonly size: string; readonly learningRate: number; readonly index: number },
  block: number,
  blockEffect: number,
  random: Random,
): TrainingOutcome {
  const { name, spread = 0.02, effect = 0, outlier, diverged = [] } = arm;
  const isNull = arm.role === 'null-control';
  // The null's seeds are its own, and so is what they do.
  const shared = isNull ? random.normal() : blockEffect;
  const deviation =
    spread * (Math.sqrt(correlation) * shared + Math.sqrt(1 - correlation) * random.normal()) +
    (outlier?.block === block ? outlier.shift : 0);
  const measured: Record<string, { bits: number; bytes: number }> = {};
  const documentBits: Record<string, number[]> = {};
  for (const [d, domain] of domains.entries()) {
    const shift = typeof effect === 'number' ? effect : (effect[domain.name] ?? 0);
    // Domains of one run go together, but not wholly.
    const own = deviation + (d === 0 ? 0 : 0.3 * spread * random.normal());
    const value = (LEVEL[domain.name] ?? 2) - SIZE_GAIN * setting.index + shift + own;
    if (documents) {
      documentBits[domain.name] = domain.documentBytes!.map((size, i) => {
        const random = new Random(`${seed}/${domain.name}/${i}`);
        const hard = 0.3 * random.normal();
        // The null is the base's recipe: what documents make of it is the same.
        const liked = documentSpread * random.split(isNull ? arms[0]!.name : name).normal();
        return size * (value + hard + liked);
      });
    }
    const bits = documentBits[domain.name]?.reduce((sum, one) => sum + one, 0) ?? value * domain.bytes;
    measured[domain.name] = { bits, bytes: domain.bytes };
  }
  const isDiverged = diverged.includes(block);
  return {
    arm: name,
    size: setting.size,
    learningRate: setting.learningRate,
    block,
    weightSeed: isNull ? 1000 + block : block,
    orderSeed: isNull ? 2000 + block : 100 + block,
    status: isDiverged ? 'diverged' : 'complete',
    ...(isDiverged ? { reason: 'loss 9.31 after 4.02 at step 140' } : {}),
    seconds: 14 + random.next(),
    tokens: 300_000,
    curve: curveOf(deviation, isDiverged, random),
    domains: isDiverged ? {} : measured,
    ...(documents && !isDiverged ? { documentBits } : {}),
    digest: sha256(`${arm.name}/${block}`),
  };
}

function curveOf(deviation: number, diverged: boolean, random: Random): [number, number][] {
  const points: [number, number][] = [];
  for (let step = 10; step <= (diverged ? 140 : 600); step += 10) {
    const blownUp = diverged && step > 120 ? (step - 120) / 4 : 0;
    points.push([step, 3.6 + 4 * Math.exp(-step / 90) + deviation + 0.05 * random.normal() + blownUp]);
  }
  return points;
}
