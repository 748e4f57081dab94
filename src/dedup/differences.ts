/** A text in parts: those that another text has too, and those that it has not. */
export type MarkedText = readonly { readonly text: string; readonly differs: boolean }[];

/** White space that stays with the word before it. */
const WORDS = /\S+\s*/gu;
/** Words looked at: what is shown is short. */
const MOST_WORDS = 20_000;

/**
 * The words of `text` around the first that `other` does not have at its place, at most `words` of them; runs of words
 * that stand nowhere in `other` are marked.
 */
export function markDifferences(text: string, other: string, words: number): MarkedText {
  const mine = (text.match(WORDS) ?? []).slice(0, MOST_WORDS);
  const theirs = (other.match(WORDS) ?? []).slice(0, MOST_WORDS);
  const known = new Set(theirs.map((word) => word.trim()));
  const first = mine.findIndex((word, i) => word.trim() !== theirs[i]?.trim());
  const from = Math.max(0, (first < 0 ? 0 : first) - Math.floor(words / 4));
  const parts: { text: string; differs: boolean }[] = from > 0 ? [{ text: '… ', differs: false }] : [];
  for (const word of mine.slice(from, from + words)) {
    const differs = !known.has(word.trim());
    const last = parts.at(-1);
    if (last && last.differs === differs) last.text += word;
    else parts.push({ text: word, differs });
  }
  if (from + words < mine.length) parts.push({ text: '…', differs: false });
  return parts;
}
