const repeat = (piece: string) => (units: number) =>
  piece.repeat(Math.ceil(units / piece.length)).slice(0, units);

function distinctWords(units: number): string {
  let state = 1;
  let text = '';
  while (text.length < units) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    text += `${(state >>> 8).toString(36)} `;
  }
  return text.slice(0, units);
}

/** Texts that make a careless judge slow or wrong, each of about the given number of UTF-16 units. */
export const HOSTILE: Readonly<Record<string, (units: number) => string>> = {
  'one word': repeat('a'),
  'one line of different words': distinctWords,
  'lines of one character': repeat('a\n'),
  'empty lines': repeat('\n'),
  blanks: repeat(' '),
  'combining marks only': repeat('\u0301'),
  'lone high surrogates': repeat('\ud800'),
  'lone low surrogates': repeat('\udc00'),
  emoji: repeat('😀'),
  'right to left': repeat('שלום עולם '),
  'Chinese and Japanese': repeat('日本語。'),
  'opening brackets': repeat('('),
  'full stops': repeat('.'),
  'letters and full stops': repeat('a.'),
  'letters and hyphens': repeat('a-'),
  'at signs': repeat('a@'),
  'addresses run together': repeat('a@b.co/'),
  'colons after a scheme': (units) => `http://${repeat('a:')(units)}`,
  'labels without an end': (units) => `${repeat('a-b.')(units)}A`,
  'faces run together': repeat(':('),
  apostrophes: repeat("'"),
  'open citations': repeat('[1'),
  ellipses: repeat('…'),
  'zero bytes': repeat('\0'),
};
