import { join } from 'node:path';
import { ProvenderError } from '../core/errors.ts';
import { writeFileAtomic, writeJsonAtomic } from '../core/files.ts';
import { digestOf } from '../core/hash.ts';
import { addTally, emptyTally, type StepTally } from '../core/tally.ts';
import type { Plan } from '../execute/plan.ts';
import { readManifest, readPlan } from '../execute/run-folder.ts';
import { loadCorpus } from '../io/corpora.ts';
import { renderCard } from '../shard/receipt/card.ts';
import {
  CARD_FILE,
  type CorpusTerms,
  makeReceipt,
  RECEIPT_FILE,
  type Receipt,
  type Refusals,
  type RunFacts,
} from '../shard/receipt/receipt.ts';
import { members } from './read-outcome.ts';

/** Writes `receipt.json` and a dataset card beside shards (or to `to`): what went in, what did not, under which terms. */
export async function writeReceipt(shards: string, runFolder?: string, to = shards): Promise<Receipt> {
  const facts = runFolder === undefined ? undefined : await readRunFacts(runFolder);
  const receipt = await makeReceipt(shards, facts);
  await writeJsonAtomic(join(to, RECEIPT_FILE), receipt);
  await writeFileAtomic(join(to, CARD_FILE), renderCard(receipt));
  return receipt;
}

/** What a run directory tells of the documents that did not get into its shards, and of its corpora's terms. */
export async function readRunFacts(runFolder: string): Promise<RunFacts> {
  const plan = await readPlan(runFolder);
  const tallies = new Map<string, StepTally>();
  const units: { unit: string; outputDigest: string }[] = [];
  for (const unit of plan.units) {
    const manifest = await readManifest(runFolder, unit);
    if (!manifest) continue;
    units.push({ unit: unit.name, outputDigest: manifest.outputDigest });
    for (const [step, tally] of Object.entries(manifest.tallies ?? {})) {
      const sum = tallies.get(step) ?? emptyTally();
      addTally(sum, tally);
      tallies.set(step, sum);
    }
  }
  const shardUnit = plan.units.findIndex((unit) => unit.type === 'job' && unit.step.spec.kind === 'shard');
  const first = tallies.get(plan.steps[0]!.name);
  return {
    name: plan.spec.name,
    pipeline: digestOf({ seed: plan.spec.seed, steps: plan.steps.map(({ spec }) => spec) }),
    seed: plan.spec.seed,
    corpora: termsOf(plan),
    read: first?.in ?? { documents: 0, bytes: 0 },
    refused: refusalsOf(plan, tallies),
    // What comes after the shards is not theirs.
    units: units.slice(0, shardUnit < 0 ? units.length : shardUnit + 1),
  };
}

function refusalsOf(plan: Plan, tallies: ReadonlyMap<string, StepTally>): Refusals[] {
  return plan.steps.flatMap(({ name: step }) =>
    Object.entries(tallies.get(step)?.drops ?? {})
      .map(([reason, amount]) => ({ step, reason, ...amount }))
      .sort((a, b) => b.documents - a.documents || (a.reason < b.reason ? -1 : 1)),
  );
}

/** The cards that the pipeline's inputs name: `corpus` without `files` is a card. */
function termsOf(plan: Plan): Map<string, CorpusTerms> {
  const terms = new Map<string, CorpusTerms>();
  for (const { spec } of plan.steps) {
    const { inputs } = members(spec.options);
    if (!Array.isArray(inputs)) continue;
    for (const input of inputs) {
      const { corpus, files } = members(input);
      if (typeof corpus !== 'string' || files !== undefined) continue;
      try {
        const { name, card } = loadCorpus(corpus, plan.spec.baseFolder);
        const { title, origin, licence, digest } = card;
        terms.set(name, { title, origin, licence, digest });
      } catch (error) {
        // A card that was moved since: the receipt then says that the terms are not known.
        if (!(error instanceof ProvenderError)) throw error;
      }
    }
  }
  return terms;
}
