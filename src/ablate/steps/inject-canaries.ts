import { join } from 'node:path';
import { z } from 'zod';
import type { DocumentBatch } from '../../core/batch.ts';
import { writeFileAtomic } from '../../core/files.ts';
import { Random } from '../../core/random.ts';
import type { JobContext, JobOutcome, SideFile, StageContext } from '../../core/stage.ts';
import { defineBarrier } from '../../core/step.ts';
import { holdOutKey } from '../../core/steps/hold-out-listed.ts';
import { RankedTap, rankOf, readJson, rewriteDocuments, smallestRanks } from './injection.ts';

export const injectCanariesOptions = z.strictObject({
  repeats: z
    .array(z.int().min(1))
    .min(1)
    .default([1, 4, 16, 64])
    .describe('how many documents get each canary; one list of canaries for each number'),
  canaries: z.int().min(1).default(4).describe('canaries of each number of repeats'),
});
type Options = z.output<typeof injectCanariesOptions>;

export const CANARIES_FILE = 'canaries.json';

/** A text that occurs nowhere else, and how often it was put in. */
export interface Canary {
  readonly repeats: number;
  /** What a model is given. */
  readonly prompt: string;
  /** What it must complete, word for word, to have memorized it. */
  readonly secret: string;
}

interface CanaryFile {
  readonly canaries: readonly Canary[];
  /** By corpus and id: index of the canary that the document gets. */
  readonly documents: Readonly<Record<string, number>>;
}

const SYLLABLES = 'ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu'.split(' ');

function word(random: Random): string {
  return Array.from({ length: 3 }, () => SYLLABLES[random.below(SYLLABLES.length)]!).join('');
}

/** Made-up words: nothing but repetition can teach them. The first list, of 0 repeats, is never put in. */
export function makeCanaries({ repeats, canaries }: Options, seed: string): Canary[] {
  return [0, ...repeats].flatMap((times) =>
    Array.from({ length: canaries }, (_, i) => {
      const random = new Random(`${seed}/canary/${times}/${i}`);
      const words = (n: number) => Array.from({ length: n }, () => word(random)).join(' ');
      return { repeats: times, prompt: `The code of ${words(2)} is`, secret: ` ${words(3)}.` };
    }),
  );
}

function documentsNeeded({ repeats, canaries }: Options): number {
  return canaries * repeats.reduce((sum, times) => sum + times, 0);
}

interface Candidate {
  readonly rank: string;
  readonly key: string;
}

function candidateOf(batch: DocumentBatch, i: number): Candidate {
  const { corpus, id } = batch.rows[i]!;
  const key = holdOutKey(corpus, id);
  return { rank: rankOf(`canaries\0${key}`), key };
}

function openTap(options: Options, path: string): RankedTap<Candidate> {
  const most = documentsNeeded(options);
  return new RankedTap(path, { most, room: 4 * most + 4096 }, candidateOf);
}

async function reduce(
  options: Options,
  sides: readonly SideFile[],
  context: JobContext,
): Promise<JobOutcome> {
  const chosen = smallestRanks(
    sides.flatMap(({ path }) => readJson<Candidate[]>(path)),
    documentsNeeded(options),
  );
  const canaries = makeCanaries(options, context.random.path);
  const turns = canaries.flatMap(({ repeats }, canary) => Array.from({ length: repeats }, () => canary));
  if (chosen.length < turns.length)
    context.say(`warning: ${turns.length} canaries to put in, and only ${chosen.length} documents`);
  const documents = Object.fromEntries(chosen.map(({ key }, i) => [key, turns[i]!]));
  const file: CanaryFile = { canaries, documents };
  await writeFileAtomic(join(context.folder, CANARIES_FILE), JSON.stringify(file));
  return { files: [CANARIES_FILE], summary: { canaries: canaries.length, documents: chosen.length } };
}

export function readCanaries(folder: string): CanaryFile {
  return readJson<CanaryFile>(join(folder, CANARIES_FILE));
}

function openApply(context: StageContext & { readonly outcome: string }) {
  const { canaries, documents } = readCanaries(context.outcome);
  const byKey = new Map(Object.entries(documents));
  return {
    process(batch: DocumentBatch): DocumentBatch {
      return rewriteDocuments(batch, ({ split, corpus, id }, i) => {
        const canary = split === 'train' ? byKey.get(holdOutKey(corpus, id)) : undefined;
        if (canary === undefined) return;
        const { prompt, secret } = canaries[canary]!;
        context.count('canaries');
        return `${batch.text(i)}\n${prompt}${secret}\n`;
      });
    },
  };
}

/** Made-up sentences, each in a known number of documents, after Carlini et al. (arXiv 1802.08232): what is memorized. */
export const injectCanaries = defineBarrier({
  kind: 'inject-canaries',
  summary: 'adds made-up sentences to a known number of documents, to see which a model memorizes',
  options: injectCanariesOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  gives: [],
  barrier: {
    tap: (options, _context, path) => openTap(options, path),
    reduce,
    apply: (_options, context) => openApply(context),
  },
});

/** Whether a pipeline puts canaries in: then its first model is kept, to be asked for them. */
export function hasCanaries(steps: readonly { readonly kind: string }[]): boolean {
  return steps.some(({ kind }) => kind === injectCanaries.kind);
}
