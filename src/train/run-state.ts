/** The part of a run's state that is not tensors: how it begins, what it must share with a checkpoint. */

import { digestOf } from '../core/hash.ts';
import { dictionary } from '../core/tally.ts';
import { RECEIPT_FORMAT, type Receipt } from './checkpoint/receipt.ts';
import type { TrainSettings } from './loop.ts';

/** A receipt while its run goes on. */
export type RunState = { -readonly [K in keyof Receipt]: Receipt[K] };

/** What must be the same for an exact continuation: all that the weights depend on. */
export function identityOf({ options, identity, random }: TrainSettings): Record<string, unknown> {
  const { steps, accumulate, schedule } = options;
  // Where spikes make no update, what counts as one decides the weights.
  const skipping = options.stability.onTrouble === 'skip' ? { stability: options.stability } : {};
  const training = { steps, accumulate, schedule, ...skipping };
  const whole = { ...identity, training, random: random.path };
  // Through JSON, as the checkpoint holds it: an option left undefined is then the same as one left out.
  return JSON.parse(JSON.stringify(whole)) as Record<string, unknown>;
}

export function freshState(settings: TrainSettings, identity: Record<string, unknown>): RunState {
  return {
    format: RECEIPT_FORMAT,
    step: 0,
    updates: 0,
    tokens: 0,
    tokensByCorpus: dictionary(),
    epochsByCorpus: dictionary(),
    identity,
    identityDigest: digestOf(identity),
    environment: { ...settings.environment },
    generators: { objective: `${settings.random.path}/objective/STEP/MICRO-BATCH` },
    losses: { first: null, last: null, recent: [] },
    troubles: { skipped: 0, spikes: 0 },
    evaluations: {},
    metrics: { bytes: 0, sha256: '' },
  };
}

export function sayEnvironmentChange(receipt: Receipt, { environment, say }: TrainSettings): void {
  for (const [name, value] of Object.entries(environment ?? {})) {
    const before = receipt.environment[name];
    if (JSON.stringify(before) === JSON.stringify(value)) continue;
    say(`${name} was ${JSON.stringify(before)} and is now ${JSON.stringify(value)}: later bits may differ`);
  }
}

export function epochs(
  seen: Readonly<Record<string, number>>,
  there: Readonly<Record<string, number>> | undefined,
): Record<string, number> {
  if (there === undefined) return {};
  const known = Object.entries(seen).filter(([corpus]) => (there[corpus] ?? 0) > 0);
  return Object.fromEntries(known.map(([corpus, tokens]) => [corpus, tokens / there[corpus]!]));
}
