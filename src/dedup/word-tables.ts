import { CLASS_RUNS, FOLD_RUNS } from './unicode-data.ts';

export const CLASS_CODES = 0x40000;
export const FOLD_CODES = 0x10000;

export interface WordTables {
  /** [0x40000] 0 separator, 1 in a word, 2 a word of its own (scripts written without spaces). */
  readonly classes: Uint8Array;
  /** [0x10000] the code point in lower case. */
  readonly folds: Uint16Array;
}

let tables: WordTables | undefined;

/** Which code points make words, and their lower case, of one version of Unicode whatever Node's. */
export function wordTables(): WordTables {
  tables ??= { classes: decodeClasses(), folds: decodeFolds() };
  return tables;
}

function decodeClasses(): Uint8Array {
  const classes = new Uint8Array(CLASS_CODES);
  let at = 0;
  let kind = 0;
  for (const [, gap, mark] of CLASS_RUNS.matchAll(/([0-9a-z]+)([-+*])/g)) {
    const end = at + Number.parseInt(gap!, 36);
    classes.fill(kind, at, end);
    at = end;
    kind = '-+*'.indexOf(mark!);
  }
  classes.fill(kind, at);
  return classes;
}

function decodeFolds(): Uint16Array {
  const folds = new Uint16Array(FOLD_CODES);
  for (let code = 0; code < FOLD_CODES; code++) folds[code] = code;
  let first = 0;
  for (const run of FOLD_RUNS.split(' ')) {
    const [gap, count, step, delta] = run.split(',').map((n) => Number.parseInt(n, 36));
    first += gap!;
    for (let k = 0; k < count!; k++) folds[first + k * step!] = first + k * step! + delta!;
  }
  return folds;
}
