import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { fillMasks } from '../../src/train/fill-mask.ts';
import type { NamedArrays } from '../../src/train/session.ts';
import { byteTokenizer, END_OF_TEXT } from './fakes.ts';

const MASK = 257;
const VOCABULARY = 258;

/** Takes a hidden byte to be one more than the byte before it, next likeliest one less; keeps what it was fed. */
class Successor {
  readonly fed: number[][] = [];

  async logits({ tokens }: NamedArrays) {
    const ids = [...tokens!.data];
    this.fed.push(ids);
    const data = new Float32Array(ids.length * VOCABULARY);
    for (let i = 1; i < ids.length; i++) {
      data[i * VOCABULARY + ids[i - 1]! + 1] = 9;
      data[i * VOCABULARY + ids[i - 1]! - 1] = 8;
    }
    return { shape: [ids.length, VOCABULARY], data };
  }
}

const settings = (session: Successor, prompt: string) => ({
  session,
  tokenizer: byteTokenizer,
  maskToken: MASK,
  marks: ['<|mask|>', '[MASK]'],
  context: 12,
  prompt,
  top: 2,
});

describe('fillMasks', () => {
  it('fills every mask, whichever way it is written', async () => {
    const session = new Successor();
    const filled = await fillMasks(settings(session, 'ab[MASK]d x<|mask|>'));
    expect(session.fed).toEqual([[END_OF_TEXT, 97, 98, MASK, 100, 32, 120, MASK]]);
    expect(filled).toMatchObject({ text: 'abcd xy', tokens: [99, 121], finish: 'filled' });
    expect(filled.masks.map(({ top }) => top.map(({ text }) => text))).toEqual([
      ['c', 'a'],
      ['y', 'w'],
    ]);
    const weight = Math.exp(9) + Math.exp(8) + (VOCABULARY - 2);
    expect(filled.masks[0]!.top[0]!.probability).toBeCloseTo(Math.exp(9) / weight, 9);
  });

  it("puts the model's own marks around the text, and takes the space that belongs to a mask", async () => {
    const session = new Successor();
    const around = { begin: 1, end: 2, swallowsSpace: true };
    const filled = await fillMasks({ ...settings(session, 'a [MASK] c'), ...around });
    expect(session.fed).toEqual([[1, 97, MASK, 32, 99, 2]]);
    expect(filled.text).toBe('ab c');
  });

  it('refuses a prompt without a mask, and one that is longer than the context', async () => {
    await expect(fillMasks(settings(new Successor(), 'abc'))).rejects.toThrow(ConfigurationError);
    await expect(fillMasks(settings(new Successor(), '[MASK] and much more'))).rejects.toThrow(
      /12 tokens.*16/,
    );
  });
});
