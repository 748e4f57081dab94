import type { BpeVocabulary } from './bpe-vocabulary.ts';
import { bytesToAlphabet } from './byte-alphabet.ts';
import { PRE_TOKENIZER_REGEX, type PreTokenizerName } from './pre-tokenizers.ts';
import type { TrainedBpe } from './train.ts';

const byteLevel = (useRegex: boolean, prefixSpace: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: prefixSpace,
  trim_offsets: true,
  use_regex: useRegex,
});

/** The `pre_tokenizer` of a tokenizer.json. */
function preTokenizerJson(name: PreTokenizerName, prefixSpace: boolean): object {
  if (name === 'gpt2') return byteLevel(true, prefixSpace);
  if (name === 'none') return byteLevel(false, prefixSpace);
  const split = {
    type: 'Split',
    pattern: { Regex: PRE_TOKENIZER_REGEX[name] },
    behavior: 'Isolated',
    invert: false,
  };
  return { type: 'Sequence', pretokenizers: [split, byteLevel(false, false)] };
}

/** What a tokenizer.json of a byte-level BPE says. */
interface ByteLevelFile {
  readonly preTokenizer: PreTokenizerName;
  readonly nfc: boolean;
  readonly prefixSpace: boolean;
  readonly wholeFirst: boolean;
  /** As the vocabulary writes them, by id; undefined where an id is not taken. */
  readonly names: readonly (string | undefined)[];
  /** Left and right ids, by rank. */
  readonly merges: ArrayLike<number>;
  readonly added: readonly { id: number; content: string; special: boolean; normalized: boolean }[];
}

function render(file: ByteLevelFile): string {
  const merges: string[] = [];
  for (let i = 0; i < file.merges.length; i += 2)
    merges.push(`${file.names[file.merges[i]!]!} ${file.names[file.merges[i + 1]!]!}`);
  const json = JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: file.added.map(({ id, content, special, normalized }) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized,
      special,
    })),
    normalizer: file.nfc ? { type: 'NFC' } : null,
    pre_tokenizer: preTokenizerJson(file.preTokenizer, file.prefixSpace),
    post_processor: null,
    decoder: byteLevel(true, false),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: file.wholeFirst,
      vocab: null,
      merges,
    },
  });
  // The vocabulary is written by hand: an object's integer-like keys ("0", "42") would come first, out of order.
  const vocabulary = file.names.flatMap((name, id) =>
    name === undefined ? [] : [`${JSON.stringify(name)}:${id}`],
  );
  const marker = '"vocab":null';
  const at = json.lastIndexOf(marker);
  return `${json.slice(0, at)}"vocab":{\n${vocabulary.join(',\n')}}${json.slice(at + marker.length)}\n`;
}

/** The text of a tokenizer.json that `tokenizers`, `transformers` and `@huggingface/tokenizers` load. */
export function tokenizerJson(trained: TrainedBpe): string {
  const { specialTokens, tokens, merges, preTokenizer, normalizer } = trained;
  return render({
    preTokenizer,
    nfc: normalizer === 'nfc',
    prefixSpace: false,
    wholeFirst: false,
    names: tokens.map((bytes, id) => specialTokens[id] ?? bytesToAlphabet(bytes)),
    merges,
    added: specialTokens.map((content, id) => ({ id, content, special: true, normalized: false })),
  });
}

/** The same for a vocabulary that was read. */
export function vocabularyJson(vocabulary: BpeVocabulary): string {
  const { tokens, pairs, specialTokens, addedTokens } = vocabulary;
  const added = [
    ...[...specialTokens].map(([content, id]) => ({ id, content, special: true, normalized: false })),
    ...addedTokens.map((token) => ({ ...token, special: false })),
  ].sort((a, b) => a.id - b.id);
  const contents = new Map(added.map(({ id, content }) => [id, content]));
  return render({
    ...vocabulary,
    names: tokens.map((bytes, id) => contents.get(id) ?? (bytes && bytesToAlphabet(bytes))),
    merges: pairs.byRank(),
    added,
  });
}

const ROLES: readonly [role: string, contents: readonly string[]][] = [
  ['bos_token', ['<|begin_of_text|>', '<|endoftext|>', '<s>']],
  ['eos_token', ['<|endoftext|>', '<|end_of_text|>', '</s>']],
  ['unk_token', ['[UNK]', '<unk>']],
  ['pad_token', ['<|pad|>', '[PAD]', '<pad>', '<|padding|>']],
  ['mask_token', ['[MASK]', '<mask>', '<|mask|>']],
  ['cls_token', ['[CLS]', '<cls>']],
  ['sep_token', ['[SEP]', '<sep>']],
];

function rolesOf(specialTokens: ReadonlyMap<string, number>): Record<string, string> {
  const roles: Record<string, string> = {};
  for (const [role, contents] of ROLES) {
    const content = contents.find((c) => specialTokens.has(c));
    if (content !== undefined) roles[role] = content;
  }
  return roles;
}

/** The special_tokens_map.json of `transformers`: which special token plays which part, told by its usual content. */
export function specialTokensMapJson(specialTokens: ReadonlyMap<string, number>): string {
  return `${JSON.stringify(rolesOf(specialTokens), null, 2)}\n`;
}

/** The tokenizer_config.json that `transformers` reads beside a tokenizer.json; `contextLength` in tokens. */
export function tokenizerConfigJson(
  specialTokens: ReadonlyMap<string, number>,
  contextLength?: number,
): string {
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...(contextLength !== undefined && { model_max_length: contextLength }),
    ...rolesOf(specialTokens),
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** The files that make a trained tokenizer a folder which `transformers` loads, by name. */
export function tokenizerFiles(
  trained: TrainedBpe,
  contextLength?: number,
): Readonly<Record<string, string>> {
  const specialTokens = new Map(trained.specialTokens.map((content, id) => [content, id]));
  return {
    'tokenizer.json': tokenizerJson(trained),
    'tokenizer_config.json': tokenizerConfigJson(specialTokens, contextLength),
    'special_tokens_map.json': specialTokensMapJson(specialTokens),
  };
}
