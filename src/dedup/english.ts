/*
 * datatrove's simplified text, and what spaCy's blank English still splits in it. After simplification there is no
 * case and no punctuation left, so that of spaCy's rules only these matter: contractions without an apostrophe, units
 * after a digit, and symbols.
 */

const NT = [
  'ai',
  'are',
  'ca',
  'could',
  'dare',
  'did',
  'does',
  'do',
  'had',
  'has',
  'have',
  'is',
  'may',
  'might',
  'must',
  'need',
  'ought',
  'sha',
  'should',
  'was',
  'were',
  'wo',
  'would',
];
/** Those of NT that never take a further `ve`. */
const NT_ONLY = new Set(['ai', 'are', 'dare', 'has', 'have', 'is', 'was', 'were']);
/** Pronouns and the like with the clitics that are split off them: spaCy leaves out what is a word of its own. */
const CLITICS: Readonly<Record<string, string>> = {
  i: 'd m ve d+ve ll+ve',
  you: 'd ll re ve d+ve ll+ve',
  he: 'd s d+ve ll+ve',
  she: 's d+ve ll+ve',
  it: 'd ll d+ve ll+ve',
  we: 'd ve d+ve ll+ve',
  they: 'd ll re ve d+ve ll+ve',
  how: 'd ll re s ve d+ve ll+ve',
  that: 'd ll s d+ve ll+ve',
  there: 'd ll re s ve d+ve ll+ve',
  these: 'd ll re ve d+ve ll+ve',
  this: 'd ll s d+ve ll+ve',
  those: 'd ll re ve d+ve ll+ve',
  what: 'd ll re s ve d+ve ll+ve',
  when: 'd ll re s ve d+ve ll+ve',
  where: 'd ll re s ve d+ve ll+ve',
  who: 'd ll s ve d+ve ll+ve',
  why: 'd ll re s ve d+ve ll+ve',
  could: 've',
  might: 've',
  must: 've',
  should: 've',
  would: 've',
  not: 've',
  can: 'not',
  gon: 'na',
  got: 'ta',
  y: 'all',
};

/** Words that are split, with their parts. */
export function contractions(): Map<string, string[]> {
  const parts: string[][] = [['i', 'm', 'a']];
  for (const stem of NT) {
    parts.push([stem, 'nt']);
    if (!NT_ONLY.has(stem)) parts.push([stem, 'nt', 've']);
  }
  for (const [stem, clitics] of Object.entries(CLITICS)) {
    for (const clitic of clitics.split(' ')) parts.push([stem, ...clitic.split('+')]);
  }
  return new Map(parts.map((list) => [list.join(''), list]));
}

/** Units that are split from a digit before them. */
export const ASCII_UNITS = 'km m dm cm mm ha nm yd in ft kg g mg t lb oz kmh mph mb kb gb tb'.split(' ');
