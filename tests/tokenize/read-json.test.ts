import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/core/errors.ts';
import { tokenizerFromJson, tokenizerJson } from '../../src/tokenize/tokenizer.ts';
import { trainOn } from './helpers.ts';

const good = () =>
  JSON.parse(
    tokenizerJson(trainOn(['hello hello'], { vocabularySize: 300, specialTokens: ['<|endoftext|>'] })),
  );

type Json = ReturnType<typeof good>;

const damage: [string, (json: Json) => void, RegExp][] = [
  ['no model', (j) => delete j.model, /must have a model; expected an object; found nothing/],
  ['a vocabulary that is a list', (j) => (j.model.vocab = []), /model\.vocab must be an object.*found \[\]/],
  ['an id that is a string', (j) => (j.model.vocab.he = '7'), /the id of "he".*found "7"/],
  ['an id below 0', (j) => (j.model.vocab.he = -1), /the id of "he".*found -1/],
  ['an id of 2^30', (j) => (j.model.vocab.he = 2 ** 30), /the id of "he"/],
  ['two tokens with one id', (j) => (j.model.vocab.zz = 5), /two entries.*the id 5; found "zz"/],
  ['a missing byte of U+FFFD', (j) => delete j.model.vocab['¿'], /lacks a byte of U\+FFFD.*found no 0xbf/],
  ['a character that is no byte', (j) => (j.model.vocab.中 = 999), /stands for no byte; found "中"/],
  ['merges that are missing', (j) => delete j.model.merges, /model\.merges must be a list; found nothing/],
  ['a merge of three', (j) => (j.model.merges[1] = 'a b c'), /merges\[1\] must be two tokens; found "a b c"/],
  ['a merge of numbers', (j) => (j.model.merges[0] = [1, 2]), /merges\[0\] must be two tokens/],
  [
    'a merge of a lost token',
    (j) => (j.model.merges[0] = 'h qq'),
    /merges\[0\] names a token that the vocabulary lacks; found "qq"/,
  ],
  ['a merge into a lost token', (j) => (j.model.merges[0] = 'h z'), /lacks; found "hz"/],
  ['added tokens that are no list', (j) => (j.added_tokens = 3), /added_tokens must be a list/],
  ['an added token without an id', (j) => delete j.added_tokens[0].id, /added_tokens\[0\] must have an id/],
  [
    'an added token on a taken id',
    (j) => (j.added_tokens[0] = { id: 9, content: '<x>' }),
    /"<x>" takes the id 9/,
  ],
  [
    'a model of no kind',
    (j) => (j.model.type = 'Nonsense'),
    /model\.type is none that is known; expected BPE, .*found "Nonsense"/,
  ],
];

describe('a damaged tokenizer.json', () => {
  it('is good before the damage', () => {
    expect(tokenizerFromJson(JSON.stringify(good()), 'good.json').vocabularySize).toBe(262);
  });

  it.each(damage)('with %s says so', (_, hurt, message) => {
    const json = good();
    hurt(json);
    const read = () => tokenizerFromJson(JSON.stringify(json), 'bad.json');
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
    expect(read).toThrow(/^bad\.json: /);
  });

  it.each([
    ['', /not JSON/],
    ['{"model": ', /not JSON/],
    ['[]', /must be an object; found \[\]/],
    ['null', /must be an object; found null/],
  ])('%j says so', (text, message) => {
    expect(() => tokenizerFromJson(text, 'bad.json')).toThrow(message);
  });
});
