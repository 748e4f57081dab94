/** Options that are wrong, told where they stand: in a file, or behind `--set`. */

import { isMap, isPair, isScalar, LineCounter, type Node, type Document as YamlDocument } from 'yaml';
import type { z } from 'zod';

export type OptionPath = readonly (string | number)[];

export interface OptionProblem {
  readonly message: string;
  readonly path: OptionPath;
  /** The key that is too many, where that is the problem. */
  readonly key?: string;
}

/** `--set TEXT`, and which option it set. */
export interface Setting {
  readonly text: string;
  readonly path: OptionPath;
}

/** Where options come from. */
export interface OptionOrigin {
  readonly file?: string;
  readonly document?: YamlDocument;
  readonly counter?: LineCounter;
  readonly settings?: readonly Setting[];
}

/** What a schema found wrong; of an option that is unknown also what it may have been meant to be. */
export function optionProblems(error: z.ZodError, schema: z.ZodType, prefix: OptionPath): OptionProblem[] {
  return error.issues.flatMap((issue): OptionProblem[] => {
    const inside = issue.path as (string | number)[];
    const path = [...prefix, ...inside];
    if (issue.code !== 'unrecognized_keys') return [{ message: issue.message, path }];
    const names = namesAt(schema, inside);
    return issue.keys.map((key) => ({ message: `unknown option '${key}'${meant(key, names)}`, path, key }));
  });
}

export function problemLines(problems: readonly OptionProblem[], origin: OptionOrigin): string[] {
  return problems.map((problem) => {
    const whole = problem.key === undefined ? problem.path : [...problem.path, problem.key];
    const setting = origin.settings?.findLast(({ path }) => isAbout(path, whole, problem.key !== undefined));
    const at = optionPath(whole);
    const place = setting === undefined ? placeInFile(problem, origin) : `--set ${setting.text}: `;
    return `${place}${at ? `${at}: ` : ''}${problem.message}`;
  });
}

function placeInFile(problem: OptionProblem, { file, document, counter }: OptionOrigin): string {
  return file === undefined ? '' : `${file}${position(document, counter ?? new LineCounter(), problem)}: `;
}

/** Whether what was set is what is wrong, or holds it; an unknown name may be on the way to what was set. */
function isAbout(set: OptionPath, wrong: OptionPath, isUnknown: boolean): boolean {
  const shared = isUnknown ? Math.min(set.length, wrong.length) : set.length;
  return set.slice(0, shared).every((part, i) => String(part) === String(wrong[i]));
}

function optionPath(path: OptionPath): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i ? `.${part}` : part)).join('');
}

/** Line and column of a path in the YAML, or of the nearest ancestor that is there. */
function position(document: YamlDocument | undefined, counter: LineCounter, problem: OptionProblem): string {
  if (!document) return '';
  for (let depth = problem.path.length; depth >= 0; depth--) {
    const node =
      depth === 0
        ? document.contents
        : (document.getIn(problem.path.slice(0, depth), true) as Node | undefined);
    if (!node?.range) continue;
    let offset = node.range[0];
    if (problem.key !== undefined && depth === problem.path.length && isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && item.key.value === problem.key,
      );
      const key = pair?.key as Node | undefined;
      if (key?.range) offset = key.range[0];
    }
    const { line, col } = counter.linePos(offset);
    return `:${line}:${col}`;
  }
  return '';
}

/** What of a zod schema's inside is looked at here. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
}

/** Names of the options that may stand at a path. */
function namesAt(schema: z.ZodType, path: OptionPath): string[] {
  // zod types each kind of schema apart; here only members that some have are read.
  const { shape, innerType, in: from, options, element, valueType } = schema.def as unknown as Definition;
  const wrapped = innerType ?? from;
  if (wrapped !== undefined) return namesAt(wrapped, path);
  if (options !== undefined) return [...new Set(options.flatMap((one) => namesAt(one, path)))];
  const [first, ...rest] = path;
  if (first === undefined) return Object.keys(shape ?? {});
  const next = shape === undefined ? (element ?? valueType) : shape[first];
  return next === undefined ? [] : namesAt(next, rest);
}

/** The end of a message about a name that is not known: the nearest that is, or else all of them, or `otherwise`. */
export function meant(word: string, names: readonly string[], otherwise?: string): string {
  const best = names.map((other) => ({ other, far: distance(word, other) })).sort((a, b) => a.far - b.far)[0];
  if (best && best.far <= Math.max(2, word.length / 3)) return `; did you mean '${best.other}'?`;
  if (otherwise !== undefined) return `; ${otherwise}`;
  return names.length > 0 ? `; expected one of ${names.join(', ')}` : '';
}

/** Edit distance (Levenshtein, 1966). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
