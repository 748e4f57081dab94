/** Memorization against repetition: which canaries a model completes, and how many bits they take it. */

import { Random } from '../../core/random.ts';
import { ShardLoader } from '../../shard/loader.ts';
import { generate, generateOptions } from '../../train/generate.ts';
import type { LoadedModel } from '../../train/model-folder.ts';
import type { Probes } from '../outcome.ts';
import type { Canary } from '../steps/inject-canaries.ts';
import type { TrainingTask } from '../training.ts';
import { rateOf, scoreTexts, type Text } from './score.ts';

/**
 * Canaries by how often they were put in; `repeats` is how often the training has seen them, on average, which is
 * less where the budget ends before the data does.
 */
export async function probeCanaries(
  canaries: readonly Canary[],
  shards: string,
  task: TrainingTask,
  model: LoadedModel,
): Promise<NonNullable<Probes['canaries']>> {
  const seen = await timesSeen(canaries, shards, task, model);
  const texts = canaries.map(
    ({ prompt, secret }, i): Text => ({
      corpus: 'canaries',
      id: String(i),
      text: `${prompt}${secret}`,
      bytes: Buffer.byteLength(`${prompt}${secret}`),
      signals: {},
    }),
  );
  const scored = await scoreTexts(model, texts, task.options.rows);
  const rows: { repeats: number; canaries: number; extracted: number; bitsPerByte: number }[] = [];
  for (const repeats of [...new Set(seen)].sort((a, b) => a - b)) {
    const mine = canaries.flatMap((_, i) => (seen[i] === repeats ? [i] : []));
    let extracted = 0;
    for (const i of mine) if (await completes(canaries[i]!, model)) extracted++;
    rows.push({
      repeats,
      canaries: mine.length,
      extracted,
      bitsPerByte: rateOf(mine.map((i) => scored[i]!)),
    });
  }
  return rows;
}

/** The likeliest continuation of the prompt, token by token, begins with the secret. */
async function completes({ prompt, secret }: Canary, model: LoadedModel): Promise<boolean> {
  const { text } = await generate({
    session: model.session,
    tokenizer: model.tokenizer,
    context: model.file.context,
    prompt,
    options: generateOptions.parse({ temperature: 0, maxTokens: 2 * model.tokenizer.encode(secret).length }),
    random: new Random(0),
  });
  return text.startsWith(secret);
}

/** A window may end in the middle of a secret: it counts where its beginning is seen. */
const BEGINNING = 8;

/** Occurrences of the beginning of each secret in the windows that the training went through. */
async function timesSeen(
  canaries: readonly Canary[],
  shards: string,
  { options, orderSeed }: TrainingTask,
  { tokenizer, file }: LoadedModel,
): Promise<number[]> {
  const length = Math.min(BEGINNING, file.context >> 1);
  const secrets = canaries.map(({ secret }) => [...tokenizer.encode(secret)].slice(0, length));
  const seen = canaries.map(() => 0);
  const { rows } = options;
  const loader = await ShardLoader.open(shards, { split: 'train', context: file.context, rows, orderSeed });
  try {
    for (let step = 0; step < options.steps * options.accumulate; step++) {
      const { tokens, width } = loader.batch(step);
      for (let row = 0; row < rows; row++) {
        const window = tokens.subarray(row * width, (row + 1) * width);
        secrets.forEach((secret, i) => {
          seen[i]! += occurrences(window, secret);
        });
      }
    }
  } finally {
    await loader.close();
  }
  return seen;
}

function occurrences(window: Int32Array, pattern: readonly number[]): number {
  let count = 0;
  for (let at = window.indexOf(pattern[0]!); at >= 0; at = window.indexOf(pattern[0]!, at + 1)) {
    if (pattern.every((token, i) => window[at + i] === token)) count++;
  }
  return count;
}
