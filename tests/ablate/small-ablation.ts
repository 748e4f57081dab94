import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ablated, ablate } from '../../src/ablate/ablate.ts';
import { readAblationFile } from '../../src/ablate/file.ts';
import type { TrainingUnit } from '../../src/ablate/trainings.ts';
import { Random } from '../../src/core/random.ts';
import { stepTable } from '../../src/step-table.ts';

const NOUNS =
  'whale ship sea captain speech nation people peace letter mail wind sail harbour crew storm'.split(' ');
const VERBS = 'sees takes hears follows carries leaves finds keeps turns holds'.split(' ');

/** A text with an order of words that a small model can learn something of. */
export function prose(random: Random, sentences: number): string {
  const pick = (words: readonly string[]) => words[random.below(words.length)]!;
  return Array.from(
    { length: sentences },
    () => `The ${pick(NOUNS)} ${pick(VERBS)} the ${pick(NOUNS)} and the ${pick(NOUNS)}.`,
  ).join(' ');
}

/** JSON Lines of two corpora; a tenth of the notes are near-duplicates of the note before. */
export function corpus(name: string, documents: number): string {
  const random = new Random(`ablation/${name}`);
  let before = '';
  return Array.from({ length: documents }, (_, i) => {
    const text = i % 10 === 9 ? `${before} It ends.` : prose(random, 4 + random.below(8));
    before = text;
    return `${JSON.stringify({ id: `${name}-${i}`, text })}\n`;
  }).join('');
}

export const SMALL = `
name: small
question: Do short notes do harm?
pipeline:
  run: { workers: 2 }
  steps:
    - read: { inputs: [{ files: notes.jsonl, corpus: notes }, { files: letters.jsonl, corpus: letters }] }
    - hold-out: { fraction: 0.1, validationFraction: 0.05 }
    - length: { minWords: 40 }
    - exact-dedup
    - train-tokenizer: { vocabularySize: 300 }
    - encode
    - shard
ruler:
  primary: notes
  bytes: 4000
  domains:
    notes: { corpus: notes, target: short notes }
    letters: { corpus: letters, weight: 3 }
arms:
  short: { set: { length.minWords: 10 } }
  shuffled:
    role: positive-control
    insert: [{ after: exact-dedup, step: { shuffle-words: { fraction: 1 } } }]
  'null': { role: null-control }
training:
  model: { family: gpt2, layers: 1, width: 16, heads: 1, context: 16 }
  schedule: { learningRate: 1.0e-2, warmupSteps: 2 }
  rows: 4
budget: { tokens: 640 }
seeds: 2
processes: 2
`;

export class AblationFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'provender-ablation-'));
  readonly out = join(this.path, 'out');

  constructor() {
    this.write('notes.jsonl', corpus('notes', 120));
    this.write('letters.jsonl', corpus('letters', 120));
  }

  write(name: string, content: string): string {
    const path = join(this.path, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  async go(
    yaml: string,
    out = this.out,
  ): Promise<Ablated & { folder: string; units: readonly TrainingUnit[]; trained: string[] }> {
    const file = await readAblationFile(this.write('ablation.yaml', yaml));
    let units: readonly TrainingUnit[] = [];
    const trained: string[] = [];
    const ablated = await ablate({
      file,
      table: stepTable,
      folder: out,
      observer: {
        trainingsPlanned: (planned) => {
          units = planned;
        },
        finished: ({ folder }) => trained.push(folder.slice(out.length + 1)),
      },
    });
    return { ...ablated, folder: out, units, trained };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
