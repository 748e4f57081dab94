/** Finding where things end in the characters of a page. */

export function isLetter(c: number): boolean {
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

/** Just after the next `mark`; the end of the page where there is none. */
export function after(html: string, mark: string, from: number): number {
  const at = html.indexOf(mark, from);
  return at < 0 ? html.length : at + mark.length;
}

export function endOfName(html: string, from: number): number {
  for (let i = from; ; i++) {
    const c = html.charCodeAt(i);
    // NaN at the end of the page.
    if (!(c > 0x20) || c === 0x3e || c === 0x2f) return i;
  }
}

/** The index of the ">" that ends a tag: one inside a quoted value does not. The page's length where none does. */
export function endOfTag(html: string, from: number): number {
  let value = false;
  for (let i = from; i < html.length; i++) {
    const c = html.charCodeAt(i);
    if (c === 0x3e) return i;
    if (c === 0x3d) value = true;
    else if (value && (c === 0x22 || c === 0x27)) {
      const end = html.indexOf(c === 0x22 ? '"' : "'", i + 1);
      // A quote that nothing closes: the tag ends at the next ">".
      if (end < 0) return after(html, '>', i) - 1;
      i = end;
      value = false;
    } else if (c > 0x20) value = false;
  }
  return html.length;
}

const SPACE = new Uint8Array(128);
for (const c of ' \t\n\f\r') SPACE[c.charCodeAt(0)] = 1;
/** By UTF-16 unit up to the CJK punctuation: 1 ends a sentence, 2 is a comma or the like. */
const MARK = new Uint8Array(0x3100);
for (const c of '.!?…。؟') MARK[c.charCodeAt(0)] = 1;
for (const c of ',;:،、') MARK[c.charCodeAt(0)] = 2;
const FULL_WIDTH_STOPS = '！？';
const FULL_WIDTH_COMMAS = '，：；';

/** What a run of text is made of. One is used again for run after run. */
export class TextCounts {
  /** Characters (UTF-16 units) that are not white space. */
  chars = 0;
  /** Runs of them; of ideographs and kana, about two make a word. */
  words = 0;
  stops = 0;
  commas = 0;

  count(html: string, start: number, end: number): void {
    let chars = 0;
    let words = 0;
    let stops = 0;
    let commas = 0;
    let inWord = false;
    for (let i = start; i < end; i++) {
      const c = html.charCodeAt(i);
      if (c < 128 && SPACE[c] === 1) {
        inWord = false;
        continue;
      }
      chars++;
      if (!inWord) {
        inWord = true;
        words++;
      }
      if (c < 0x3100) {
        const mark = MARK[c]!;
        if (mark === 1) stops++;
        else if (mark === 2) commas++;
      } else if (c < 0xac00) {
        words += chars & 1;
      } else if (c > 0xff00) {
        const char = String.fromCharCode(c);
        if (FULL_WIDTH_STOPS.includes(char)) stops++;
        else if (FULL_WIDTH_COMMAS.includes(char)) commas++;
      }
    }
    this.chars = chars;
    this.words = words;
    this.stops = stops;
    this.commas = commas;
  }
}
