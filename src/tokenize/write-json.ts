import { bytesToAlphabet } from './byte-alphabet.ts';
import { PRE_TOKENIZER_REGEX, type PreTokenizerName } from './pre-tokenizers.ts';
import type { TrainedBpe } from './train.ts';

const byteLevel = (useRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

/** The `pre_tokenizer` of a tokenizer.json. */
export function preTokenizerJson(name: PreTokenizerName): object {
  if (name === 'gpt2') return byteLevel(true);
  if (name === 'none') return byteLevel(false);
  const split = {
    type: 'Split',
    pattern: { Regex: PRE_TOKENIZER_REGEX[name] },
    behavior: 'Isolated',
    invert: false,
  };
  return { type: 'Sequence', pretokenizers: [split, byteLevel(false)] };
}

/** The text of a tokenizer.json that `tokenizers`, `transformers` and `@huggingface/tokenizers` load. */
export function tokenizerJson(trained: TrainedBpe): string {
  const special = trained.specialTokens.length;
  const names = trained.tokens.map((bytes, id) =>
    id < special ? trained.specialTokens[id]! : bytesToAlphabet(bytes),
  );
  const merges: string[] = [];
  for (let i = 0; i < trained.merges.length; i += 2)
    merges.push(`${names[trained.merges[i]!]!} ${names[trained.merges[i + 1]!]!}`);
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: trained.specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: trained.normalizer === 'nfc' ? { type: 'NFC' } : null,
    pre_tokenizer: preTokenizerJson(trained.preTokenizer),
    post_processor: null,
    decoder: byteLevel(true),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: null,
      merges,
    },
  };
  // The vocabulary is written by hand: an object's integer-like keys ("0", "42") would come first, out of order.
  const vocabulary = names.map((name, id) => `${JSON.stringify(name)}:${id}`).join(',\n');
  const marker = '"vocab":null';
  const json = JSON.stringify(file);
  const at = json.lastIndexOf(marker);
  return `${json.slice(0, at)}"vocab":{\n${vocabulary}}${json.slice(at + marker.length)}\n`;
}
