import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NewDocument } from '../../src/core/document.ts';
import { BadRecord, documentOf, type FieldMap } from '../../src/io/fields.ts';
import { isTakeable, jsonKernel, LONGEST_LINE } from '../../src/io/json-kernel.ts';
import { isTextApart, parseApart, parseWhole } from '../../src/io/readers/jsonl.ts';

const SEED = 20_261_127;
const kernel = jsonKernel();
const place = { file: 'f', offset: 0 };
const at = { corpus: 'c', source: 's', start: 0, end: 1 };
const fields: FieldMap = { text: 'text', id: 'id', metadata: 'all' };

type Parse = (line: Buffer, map: FieldMap) => ReturnType<typeof parseWhole>;
const whole: Parse = (line) => parseWhole(line, true, place);
const apart: Parse = (line, map) => parseApart(line, map.text, kernel) ?? whole(line, map);

/** Whatever comes of a line, as it can be compared: the document with its text as bytes, or why there is none. */
function outcome(line: Buffer, map: FieldMap, parse: Parse): object {
  try {
    const { value, ...form } = parse(line, map);
    const { text, ...rest }: NewDocument = documentOf(value, map, at, place, form);
    // In order too: metadata is written as it was read.
    return { document: JSON.stringify(rest), rest, text: Buffer.from(text as string).toString('hex') };
  } catch (error) {
    if (!(error instanceof BadRecord)) throw error;
    return { reason: error.reason, problem: error.problem.message, ...error.problem.problem };
  }
}

function expectSame(line: string | Buffer, map = fields): void {
  // As the reader gives them: valid UTF-8, in a buffer of their own or in the middle of one.
  const bytes = Buffer.from(line.toString());
  expect(outcome(bytes, map, apart), bytes.toString()).toEqual(outcome(bytes, map, whole));
}

const isTaken = (line: string, name = 'text') => kernel.takeText(Buffer.from(line), name) !== undefined;

const space = fc.constantFrom('', '', '', ' ', '\t', '  ', '\r', '\n \t');
const name = fc.oneof(
  fc.constantFrom(
    'text',
    'text',
    'text',
    'id',
    'metadata',
    'tex',
    'texts',
    'Text',
    '',
    '__proto__',
    '0',
    'é',
  ),
  fc.constantFrom('"', '\\', '"text":"x"', '{', 'text"', 'constructor'),
);
const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '"',
    '\\',
    '\n',
    '\t',
    '\u0000',
    '\u007f',
    '\u0080',
    '/',
    '\ud83d\ude00',
    '漢',
    '\ufeff',
    '\u2028',
  ),
  fc.constantFrom('"text":"no",', '{"text":"no"}', '}', ']', 'x'.repeat(15), 'x'.repeat(16), 'x'.repeat(40)),
);
const words = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));

/** A string of JSON, some of its characters escaped though they need not be. */
const string = (inside: fc.Arbitrary<string>) =>
  fc.tuple(inside, fc.integer({ min: 0, max: 3 }), fc.boolean()).map(([value, escapes, upper]) => {
    const json = JSON.stringify(value);
    if (escapes === 0) return json;
    return json.replace(/[^"\\bfnrtu0-9a-f]/g, (one, where: number) => {
      if (one === '/' && escapes === 1) return '\\/';
      const code = one.charCodeAt(0).toString(16).padStart(4, '0');
      return where % 3 < escapes ? `\\u${upper ? code.toUpperCase() : code}` : one;
    });
  });

/** What no writer should write: lone surrogates, bad escapes, raw controls. */
const oddString = fc
  .array(
    fc.oneof(
      fc.constantFrom('\\ud800', '\\udc00', '\\uD83d\\uDe00', '\\ud83d\\ud83d\\ude00', '\\ud83d\\u0041'),
      fc.constantFrom('\\u0000', '\\u00e9', '\\u20AC', '\\uffff', '\\u12', '\\u12g4', '\\u', '\\x', '\\'),
      fc.constantFrom('\t', '\u0000', '\u001f', 'é', 'text', '\\\\', '\\"', '"', '\\/'),
      fc.constantFrom(
        '\\u\u0010\u00101',
        '\\u00:1',
        '\\u00G1',
        '\\u00`1',
        '\\ud83d\\u',
        '\\ud83d\\ude0',
        '\\N',
      ),
    ),
    { maxLength: 5 },
  )
  .map((parts) => `"${parts.join('')}"`);

const scalar = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('1', '-2.5e3', 'true', 'null', '1e400', '0', '{}', '[]') },
  { weight: 1, arbitrary: fc.constantFrom('01', 'nul', '', '1"x', 'NaN', '{', ']', '{]', '[}') },
);
const { value } = fc.letrec<{ value: string; members: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 20, arbitrary: string(words) },
    { weight: 1, arbitrary: oddString },
    { weight: 6, arbitrary: scalar },
    {
      weight: 2,
      arbitrary: fc.array(tie('value'), { maxLength: 4 }).map((values) => `[${values.join(', ')}]`),
    },
    { weight: 2, arbitrary: tie('members').map((members) => `{${members}}`) },
  ),
  members: fc
    .array(fc.tuple(string(name), space, space, tie('value'), space), { maxLength: 4 })
    .map((list) => list.map(([key, a, b, one, c]) => `${a}${key}${b}:${one}${c}`).join(',')),
}));
const member = fc
  .tuple(space, string(name), space, space, value, space)
  .map(([a, key, b, c, one, d]) => `${a}${key}${b}:${c}${one}${d}`);
const textMember = fc.oneof(
  { weight: 8, arbitrary: string(words).map((text) => `"text":${text}`) },
  { weight: 2, arbitrary: oddString.map((text) => `"text":${text}`) },
  { weight: 1, arbitrary: member },
);
const members = fc.array(member, { maxLength: 2 });
const behind = fc.oneof(
  { weight: 9, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', ',', '}', ' x', '\u0000') },
);
const record = fc
  .tuple(space, members, textMember, members, behind)
  .map(([before, first, text, last, after]) => `${before}{${[...first, text, ...last].join(',')}}${after}`);
const sound = fc
  .tuple(fc.dictionary(name, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), words, fc.boolean(), space)
  .map(([others, text, first, gap]) =>
    JSON.stringify(first ? { text, ...others } : { ...others, text }).replaceAll('":"', `"${gap}:${gap}"`),
  );

/** How often a property ran over the kernel's own path: a test of the other path alone would say nothing. */
function check(
  lines: fc.Arbitrary<string>,
  numRuns: number,
  change = (line: Buffer, _: number[]) => line,
): number {
  let taken = 0;
  fc.assert(
    fc.property(lines, fc.array(fc.nat(1 << 20), { minLength: 4, maxLength: 4 }), (line, numbers) => {
      const bytes = change(Buffer.from(line), numbers);
      if (parseApart(Buffer.from(bytes.toString()), 'text', kernel)) taken++;
      expectSame(bytes);
    }),
    { numRuns, seed: SEED },
  );
  return taken;
}

describe('a line whose text the kernel takes out comes to the same as one that is parsed as a whole', () => {
  it('for objects with a text', () => {
    expect(check(sound, 4000)).toBeGreaterThan(1000);
  });

  it('for anything like an object: names twice or escaped, names in strings, escapes sound and not', () => {
    expect(check(record, 12_000)).toBeGreaterThan(500);
  });

  it('for lines cut off anywhere', () => {
    expect(check(sound, 3000, (line, [n]) => line.subarray(0, n! % (line.length + 1)))).toBeGreaterThan(20);
  });

  it('for lines with other bytes in some places', () => {
    const signs = Buffer.from('"\\{}[],: ntu\u0000\u001f\u007f1');
    const flip = (line: Buffer, [where, what, also, bit]: number[]) => {
      line[where! % line.length] = signs[what! % signs.length]!;
      if (bit! % 2) line[also! % line.length]! ^= 1 << (bit! % 8);
      return line;
    };
    expect(check(fc.oneof(sound, record), 8000, flip)).toBeGreaterThan(500);
  });

  it('for every byte at every place of a string, and behind a backslash', () => {
    for (let byte = 0; byte < 128; byte++)
      for (const before of ['', 'x'.repeat(13), 'x'.repeat(14), 'x'.repeat(15), 'x'.repeat(16)]) {
        const one = String.fromCharCode(byte);
        expectSame(`{"text":"${before}${one}"}`);
        expectSame(`{"text":"${before}\\${one}12"}`);
        expectSame(`{"text":"${before}\\u12${one}f"}`);
        expectSame(`{"a":"${before}${one}","text":"x"}`);
        expectSame(`{"a":"${before}\\${one}","text":"x"}`);
        expectSame(`{"a":[${before}${one}],"text":"x"}`);
        expectSame(`{"a":[0${one}"${before}"],"text":"x"}`);
        expectSame(`{"text":"x"${one}}`);
        expectSame(`{"text":"x"}${one}`);
        expectSame(`{"text"${one}:"x"}`);
        expectSame(`${one}{"text":"x"}`);
        expectSame(`{"te${one}t":"x","text":"y"}`);
      }
  });

  it('for units of UTF-16 that are escaped, alone and in pairs', () => {
    const edges = [0, 0x22, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xd800, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xffff];
    const escaped = edges.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`);
    for (const one of escaped) {
      expectSame(`{"text":"${one}"}`);
      for (const two of escaped) {
        expectSame(`{"text":"${one}${two}"}`);
        expectSame(`{"text":"é${two}${one}é${one.toUpperCase().replace('U', 'u')}${two}"}`);
      }
    }
  });

  it('whatever the fields are', () => {
    const line = '{"text":"a","id":"b","m":{"text":"c"},"x":{"y":"d"},"é":"e","x.y":"f"}';
    const maps: Partial<FieldMap>[] = [
      { text: 'id', id: 'text' },
      { text: 'm' },
      { text: 'gone' },
      { metadata: 'none' },
      { metadata: ['m', 'x.y', 'gone'] },
      { corpus: 'm', group: 'id' },
      { id: 'm.text' },
    ];
    for (const map of maps) {
      expect(isTextApart({ ...fields, ...map })).toBe(true);
      expectSame(line, { ...fields, ...map });
    }
  });
});

describe('a text is taken out', () => {
  it.each([
    '{"text":"plain"}',
    ' { "a" : [ 1 , { "text" : "no" } ] , "text" : "x\\"y\\\\" , "b" : -1.5e3 } ',
    '{"a":"\\"text\\":\\"no\\"","text":""}',
    '{"text":"\\ud83d\\ude00 \\ud800 \\u00e9","é":"\\u00e9"}',
  ])('of %s', (line) => {
    expect(isTaken(line)).toBe(true);
    expectSame(line);
  });

  it.each([
    '{"text":"a","text":"b"}',
    '{"text":"a","te\\u0078t":"b"}',
    '{"te\\u0078t":"b"}',
    '{"text":["a"]}',
    '{"text":"a\tb"}',
    '{"text":"a\\xb"}',
    '{"text":"a"',
    '{"text":"a"}}',
    '[{"text":"a"}]',
    '"text"',
    '{"other":{"text":"a"}}',
    '{}',
    '',
  ])('but not of %s', (line) => {
    expect(isTaken(line)).toBe(false);
    expectSame(line);
  });

  it('by the name that is asked for', () => {
    const line = '{"text":"a","other":"b","":"c"}';
    for (const [field, text] of Object.entries({ text: 'a', other: 'b', '': 'c' })) {
      const taken = kernel.takeText(Buffer.from(line), field)!;
      expect(Buffer.from(taken.text).toString()).toBe(text);
      expect(JSON.parse(taken.rest)).toEqual({ text: 'a', other: 'b', '': 'c', [field]: '' });
    }
  });

  it('only where it is nothing else, and its name a plain one', () => {
    expect(isTextApart(fields)).toBe(true);
    expect(isTextApart({ ...fields, id: 'text' })).toBe(false);
    expect(isTextApart({ ...fields, corpus: 'text' })).toBe(false);
    expect(isTextApart({ ...fields, group: 'text' })).toBe(false);
    expect(isTextApart({ ...fields, metadata: ['n', 'text'] })).toBe(false);
    expect(isTextApart({ ...fields, text: 'a.b' })).toBe(false);
    expect(isTakeable('é')).toBe(false);
    expect(isTakeable('a'.repeat(257))).toBe(false);
  });

  it('of long lines up to a bound, in room that grows', () => {
    const line = (size: number) => `{"id":"${'i'.repeat(9)}","text":"${'ab\\n'.repeat(size / 4 - 8)}"}`;
    const long = line(1 << 20);
    expectSame(long);
    expect(isTaken(long)).toBe(true);
    const longest = Buffer.from('{"text":""}'.padEnd(LONGEST_LINE));
    expect(kernel.takeText(longest, 'text')?.text.length).toBe(0);
    expect(kernel.takeText(Buffer.concat([longest, Buffer.from(' ')]), 'text')).toBeUndefined();
    expect(isTaken(line(64))).toBe(true);
  });
});
