import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/core/text-view.ts';
import { cleanLines, cleanLinesStep } from '../../src/quality/judges/clean-lines.ts';
import { wordFilter } from '../../src/quality/judges/word-filter.ts';
import { PhraseSet } from '../../src/quality/phrases.ts';

const OPTIONS = cleanLinesStep.options.parse({ maxRemovedWordRatio: null });

function cleaned(text: string, given: object = {}): string {
  const result = cleanLines(text, { ...OPTIONS, ...given });
  return 'text' in result ? result.text : `dropped: ${result.reason}`;
}

describe('clean-lines', () => {
  const PROSE = 'The whale swam round the ship, and the captain said nothing of it to the men.';

  it.each([
    ['BUY NOW AND SAVE big', 'upper-case-lines'],
    ['12 / 07 / 2021', 'numeric-lines'],
    ['1,024 views', 'counter-lines'],
    ['Home', 'one-word-lines'],
    ['Sign in to comment', 'starting-phrases'],
    ['The rest of the story: Read more...', 'ending-phrases'],
    ['You have 3 items in cart today', 'phrases'],
  ])('drops "%s" as %s', (line, rule) => {
    const counted: string[] = [];
    const result = cleanLines(`${PROSE}\n${line}\n${PROSE}`, OPTIONS, (name) => counted.push(name));
    expect(result).toMatchObject({ text: `${PROSE}\n${PROSE}` });
    expect(counted).toEqual([rule]);
  });

  it('drops a footer up to the first line of another kind, and the same words nowhere else', () => {
    const footer = '\n\nOur privacy policy has changed\n© 2021 the owners\nPowered by a press\n';
    expect(cleaned(`${PROSE}${footer}`).trim()).toBe(PROSE);
    const inside = `Our privacy policy has changed\n${PROSE}`;
    expect(cleaned(inside)).toBe(inside);
    const long = `${PROSE}\n${'A sentence on the privacy policy that goes on and on and is no footer.'}`;
    expect(cleaned(long)).toBe(long);
  });

  it('drops a document that is little else, and says how much', () => {
    expect(cleanLines(`Home\nNews\n${PROSE}`, cleanLinesStep.options.parse({}))).toMatchObject({
      keep: false,
      reason: 'too-much-boilerplate',
      threshold: 0.05,
    });
  });

  it('only ever takes lines away, keeps their order, and changes nothing the second time but a new end', () => {
    const line = fc.oneof(fc.constantFrom(PROSE, 'Home', '3 likes', '', 'Back to top'), fc.string());
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const text = lines.join('\n');
        const left = cleaned(text).split('\n');
        let at = 0;
        for (const one of text.split('\n')) if (one === left[at]) at++;
        expect(at === left.length || (left.length === 1 && left[0] === '')).toBe(true);
        expect(cleaned(cleaned(text))).toBe(cleaned(text));
      }),
    );
  });
});

describe('word-filter', () => {
  async function judged(text: string, given: object, language?: string) {
    const options = wordFilter.options.parse(given);
    const loaded = await wordFilter.judge.load!(options, { baseFolder: '.', artifact: () => '' });
    const view = viewOf(text, language === undefined ? {} : { language });
    const values = wordFilter.judge.measure(view, options, loaded);
    return { hits: values[0], verdict: wordFilter.judge.decide(values, options) };
  }
  const words = { en: ['bad', 'very bad word', 'co-op'], de: ['böse'], ja: ['悪'], any: ['everywhere'] };

  it('looks for whole words of the language, and for those of all', async () => {
    expect((await judged('A BAD idea, badly put.', { words }, 'en')).hits).toBe(1);
    expect((await judged('One very bad word; a co-op.', { words }, 'en')).hits).toBe(2);
    expect((await judged('A bad idea.', { words }, 'de')).hits).toBe(0);
    expect((await judged('bösebad, böse', { words }, 'de')).hits).toBe(1);
    expect((await judged('最悪だ', { words }, 'ja')).hits).toBe(1);
    expect((await judged('bad everywhere', { words })).hits).toBe(1);
    expect((await judged('bad everywhere', { words }, 'fr')).hits).toBe(1);
  });

  it('decides by number and by share', async () => {
    const text = `bad ${'good '.repeat(99)}`;
    expect((await judged(text, { words }, 'en')).verdict).toMatchObject({
      reason: 'too-many-listed-words',
      value: 1,
    });
    expect((await judged(text, { words, maxHits: 1 }, 'en')).verdict.keep).toBe(true);
    const share = { words, maxHits: null, maxHitRatio: 0.005 };
    expect((await judged(text, share, 'en')).verdict).toMatchObject({
      reason: 'too-large-share-of-listed-words',
    });
  });

  it('finds what a regular expression finds', () => {
    const piece = fc.constantFrom('bad', 'ba', 'd', ' ', '-', 'co-op', 'é', '😀', '_', '1', '\n');
    const phrases = ['bad', 'co-op', 'bad bad', 'é'];
    const plain = /(?<![\p{L}\p{N}_])(?:bad bad|co-op|bad|é)(?![\p{L}\p{N}_])/gu;
    const set = new PhraseSet(phrases, true);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const text = pieces.join('');
        expect(set.count(text)).toBe([...text.matchAll(plain)].length);
      }),
      { numRuns: 500 },
    );
  });
});
