import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planArms } from '../../src/ablate/arms.ts';
import { stepsFor } from '../../src/ablate/budget.ts';
import { changed, differencesOf } from '../../src/ablate/changes.ts';
import { readAblationFile } from '../../src/ablate/file.ts';
import { gramsOf, OverlapIndex } from '../../src/ablate/overlap.ts';
import { shuffleWords } from '../../src/ablate/steps/shuffle-words.ts';
import { planSizes } from '../../src/ablate/trainings.ts';
import { Random } from '../../src/core/random.ts';
import { stepTable } from '../../src/step-table.ts';
import { AblationFolder, prose, SMALL } from './small-ablation.ts';

const PIPELINES = new URL('../../pipelines/', import.meta.url).pathname;
const NOTHING = { set: {}, remove: [], insert: [], move: [] };

describe('the ablation files of the project', () => {
  for (const name of readdirSync(PIPELINES).filter((file) => file.startsWith('ablate-'))) {
    it(`${name} resolves, with a null control`, async () => {
      const file = await readAblationFile(`${PIPELINES}${name}`);
      const arms = await planArms(file, stepTable);
      expect(arms[0]!.role).toBe('base');
      expect(arms.filter(({ role }) => role === 'null-control')).toHaveLength(1);
      expect(planSizes(file)[0]!.options.model.layers).toBeGreaterThan(0);
    });
  }
});

describe('arms', () => {
  const folder = new AblationFolder();
  const arms = async (yaml: string) =>
    planArms(await readAblationFile(folder.write('arms.yaml', yaml)), stepTable);

  it('are sweeps in every combination, and one without each filter', async () => {
    const swept = SMALL.replace(
      'short: { set: { length.minWords: 10 } }',
      'short: { sweep: { length.minWords: [10, 20], exact-dedup.by: [content, id] } }',
    ).replace('question:', 'leaveOneOut: true\nquestion:');
    // `exact-dedup.by: content` with 40 words would be the base itself; these four are not.
    const found = await arms(swept);
    expect(found.map(({ name }) => name)).toEqual([
      'base',
      'short-10-content',
      'short-10-id',
      'short-20-content',
      'short-20-id',
      'shuffled',
      'null',
      'without-length',
      'without-exact-dedup',
    ]);
    expect(found[2]!.changes).toEqual([
      { path: 'length.minWords', from: 40, to: 10 },
      { path: 'exact-dedup.by', from: 'content', to: 'id' },
    ]);
    expect(found[2]!.summary).toBe('length.minWords 40 -> 10, exact-dedup.by content -> id');
    expect(found.at(-1)!.summary).toBe('without exact-dedup');
  });

  it('say what is wrong with them', async () => {
    const wrong = (from: string, to: string) => arms(SMALL.replace(from, to));
    await expect(wrong('length.minWords: 10', 'length.minWord: 10')).rejects.toThrow(/arm short.*minWord/s);
    await expect(wrong('length.minWords: 10', 'length.minWords: 40')).rejects.toThrow(
      /arm short changes nothing/,
    );
    await expect(wrong('after: exact-dedup', 'after: dedup')).rejects.toThrow(
      /arm shuffled: no step is called 'dedup'/,
    );
    await expect(wrong('role: null-control', 'role: null-control, remove: [length]')).rejects.toThrow(
      /null control/,
    );
    await expect(wrong('primary: notes', 'primary: note')).rejects.toThrow(
      /ruler.primary.*notes, letters.*note/s,
    );
    await expect(wrong('budget: { tokens: 640 }', 'budget: { tokens: 640, bytes: 1 }')).rejects.toThrow(
      /arms.yaml:\d+:\d+: budget: /,
    );
    await expect(wrong('seeds: 2', 'seed: 2\nseedz: 2')).rejects.toThrow(/unknown option 'seedz'/);
    await expect(wrong('question:', 'compare: [[short, bass]]\nquestion:')).rejects.toThrow(
      /no arm is called bass/,
    );
  });

  it('move, replace and insert steps', async () => {
    const base = { steps: ['read', { length: { minWords: 40 } }, 'exact-dedup', 'encode'] };
    const moved = changed(base, { ...NOTHING, move: [{ step: 'length', after: 'exact-dedup' }] }, 'a');
    expect(moved.steps).toEqual([
      { read: {} },
      { 'exact-dedup': {} },
      { length: { minWords: 40 } },
      { encode: {} },
    ]);
    const replaced = changed(
      base,
      { ...NOTHING, insert: [{ before: 'length', step: { length: { minWords: 9 } } }], remove: ['length'] },
      'a',
    );
    expect(replaced.steps[1]).toEqual({ length: { minWords: 9 } });
    expect(replaced.steps).toHaveLength(4);
    expect(base.steps[0]).toBe('read');
    const spec = (name: string) => ({ kind: name, name, options: {} });
    expect(differencesOf([spec('a'), spec('b')], [spec('b'), spec('a')])).toEqual([
      { path: 'order', from: ['a', 'b'], to: ['b', 'a'] },
    ]);
    folder.remove();
  });
});

describe('budgets', () => {
  it('come to steps by what is equal', () => {
    const facts = { tokensPerStep: 100, bytesPerToken: 4, trainTokens: 5000, flopsPerToken: 10 };
    expect(stepsFor({ equal: 'tokens', value: 1000 }, facts)).toBe(10);
    expect(stepsFor({ equal: 'bytes', value: 8000 }, facts)).toBe(20);
    expect(stepsFor({ equal: 'flops', value: 30_000 }, facts)).toBe(30);
    expect(stepsFor({ equal: 'epochs', value: 0.8 }, facts)).toBe(40);
  });
});

describe('overlaps', () => {
  const random = new Random('overlaps');
  const texts = Array.from({ length: 20 }, () => prose(random, 30));
  const index = new OverlapIndex(texts, { words: 13, share: 0.5 });

  it('are found by most of either text, whatever its case, white space and punctuation', () => {
    const disguised = texts[3]!.toUpperCase().replaceAll('.', ';\n\n');
    expect(index.overlapOf(disguised)).toMatchObject({ text: 3, share: 1 });
    const half = texts[5]!.split(' ').slice(0, 100).join(' ');
    expect(index.overlapOf(half)).toMatchObject({ text: 5, share: 1 });
    expect(index.overlapOf(`${prose(random, 200)} ${texts[7]!}`)).toMatchObject({ text: 7, share: 1 });
  });

  it('are not found where a text is only quoted', () => {
    const quoting = `${prose(random, 30)} ${texts[9]!.split(' ').slice(0, 40).join(' ')} ${prose(random, 30)}`;
    expect(index.overlapOf(quoting)).toBeUndefined();
    expect(index.overlapOf('')).toBeUndefined();
  });

  it('of texts shorter than an n-gram are of the whole text', () => {
    const short = new OverlapIndex(['see you there'], { words: 13, share: 0.5 });
    expect(short.overlapOf('See you: there!')).toMatchObject({ text: 0 });
    expect(short.overlapOf('see you there tomorrow')).toBeUndefined();
  });

  it('roll their hashes as if each were computed anew', () => {
    const words = texts[0]!.toLowerCase().match(/\w+/g)!;
    const rolled = gramsOf(texts[0]!, 5);
    const anew = new Set<number>();
    for (let i = 0; i + 5 <= words.length; i++)
      for (const key of gramsOf(words.slice(i, i + 5).join(' '), 5)) anew.add(key);
    expect(rolled).toEqual(anew);
  });
});

describe('shuffled words', () => {
  it('are the same words between the same white space', () => {
    const random = new Random(3);
    const text = '  The whale\n\nsees  the sea, and\tdives. ';
    const shuffled = shuffleWords(text, (n) => random.below(n));
    expect(shuffled).not.toBe(text);
    expect(shuffled.split(/\s+/).sort()).toEqual(text.split(/\s+/).sort());
    expect(shuffled.replace(/\S+/g, 'x')).toBe(text.replace(/\S+/g, 'x'));
  });
});
