/** What the parser and the extractor know of each HTML element; ids index the arena's `tag` column. */

/** Starts and ends a line of its own. */
export const BLOCK = 1;
/** Has no end tag and no content. */
export const VOID = 2;
/** Its content is text without tags, up to its end tag. */
export const RAW = 4;
/** Nothing inside is text of the page. */
export const DROP = 8;
/** An open paragraph ends where it begins (HTML standard, 13.2.6.4.7). */
export const ENDS_P = 16;
/** An end tag does not reach past it (the standard's "scope"). */
export const SCOPE = 32;

const flags = new Map<string, number>();
const set = (names: string, bits: number): void => {
  for (const name of names.split(' ')) flags.set(name, (flags.get(name) ?? 0) | bits);
};
set(
  'address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure footer ' +
    'form h1 h2 h3 h4 h5 h6 head header hgroup hr html legend li main menu nav ol p pre search section summary table ' +
    'tbody td tfoot th thead tr ul optgroup option',
  BLOCK,
);
set('area base br col embed hr img input link meta param source track wbr', VOID);
set('script style textarea title iframe noembed noframes xmp', RAW);
set(
  'script style textarea iframe noembed noframes noscript template svg math canvas object applet audio video select ' +
    'datalist button map progress meter rp rt',
  DROP,
);
set(
  'address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer form h1 h2 h3 h4 ' +
    'h5 h6 header hgroup hr main menu nav ol p pre search section summary table ul',
  ENDS_P,
);
set('table td th caption html template object applet', SCOPE);
// Inline elements that the extractor asks for by name.
set('a b strong em i span code time label font abbr cite q ins del u small big', 0);

export const TAG_NAMES: readonly string[] = ['', ...flags.keys()];
/** By tag id; 0 is any other element: inline. */
export const TAG_FLAGS: Uint8Array = Uint8Array.from(TAG_NAMES, (name) => flags.get(name) ?? 0);

/** Open addressing by a hash of the lower-cased name: no string is made for a tag. */
const SLOTS = 512;
const slots = new Uint8Array(SLOTS);

function hashOf(text: string, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (text.charCodeAt(i) | 0x20)) | 0;
  return hash & (SLOTS - 1);
}

function isName(html: string, start: number, name: string): boolean {
  for (let i = 0; i < name.length; i++)
    if (lower(html.charCodeAt(start + i)) !== name.charCodeAt(i)) return false;
  return true;
}

function lower(c: number): number {
  return c >= 0x41 && c <= 0x5a ? c | 0x20 : c;
}

for (let id = 1; id < TAG_NAMES.length; id++) {
  const name = TAG_NAMES[id]!;
  let slot = hashOf(name, 0, name.length);
  while (slots[slot]) slot = (slot + 1) & (SLOTS - 1);
  slots[slot] = id;
}

/** The id of the element whose name is at [start, end) of the page, in any case; 0 where it is none of those above. */
export function tagAt(html: string, start: number, end: number): number {
  if (end - start > MAX_NAME) return 0;
  for (let slot = hashOf(html, start, end); slots[slot]; slot = (slot + 1) & (SLOTS - 1)) {
    const name = TAG_NAMES[slots[slot]!]!;
    if (name.length === end - start && isName(html, start, name)) return slots[slot]!;
  }
  return 0;
}
const MAX_NAME = Math.max(...TAG_NAMES.map((name) => name.length));

export const TAG = Object.fromEntries(TAG_NAMES.map((name, id) => [name, id])) as Readonly<
  Record<string, number>
>;
