import { lstatSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, resolve, sep } from 'node:path';
import { ConfigurationError, classifySystemError } from '../core/errors.ts';

const MAGIC = /[*?[\]{}]/;

/** Numbers inside names sort by value: chapter_2 before chapter_10. Ties and everything else by code unit. */
export function compareNames(a: string, b: string): number {
  const left = a.split(/(\d+)/);
  const right = b.split(/(\d+)/);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const x = left[i]!;
    const y = right[i]!;
    if (x === y) continue;
    // A name longer than 15 digits (a digest) would lose digits as a number: it is compared as text.
    if (i % 2 === 1 && x.length < 16 && y.length < 16 && Number(x) !== Number(y))
      return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0);
}

/** One path segment of a pattern as a regular expression: `*`, `?`, `[abc]`, `[!abc]`. */
function segmentExpression(segment: string): RegExp {
  let source = segment.startsWith('.') ? '' : '(?!\\.)';
  for (let i = 0; i < segment.length; i++) {
    const c = segment[i]!;
    const close = c === '[' ? segment.indexOf(']', i + 2) : -1;
    if (c === '*') source += '[^/]*';
    else if (c === '?') source += '[^/]';
    else if (close > 0) {
      const inside = segment.slice(i + 1, close).replace(/\\/g, '\\\\');
      source += inside.startsWith('!') ? `[^${inside.slice(1)}]` : `[${inside}]`;
      i = close;
    } else source += c.replace(/[\\^$.|+(){}[\]]/g, '\\$&');
  }
  return new RegExp(`^${source}$`, 'u');
}

/** `a{b,c}d` as `abd` and `acd`; braces may nest. */
export function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  const commas: number[] = [open];
  let depth = 0;
  for (let i = open; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '{') depth++;
    else if (c === ',' && depth === 1) commas.push(i);
    else if (c === '}' && --depth === 0) {
      commas.push(i);
      const out: string[] = [];
      for (let k = 0; k + 1 < commas.length; k++) {
        const choice = pattern.slice(commas[k]! + 1, commas[k + 1]);
        out.push(...expandBraces(pattern.slice(0, open) + choice + pattern.slice(i + 1)));
      }
      return out;
    }
  }
  return [pattern];
}

function walk(folder: string, segments: readonly string[], out: Set<string>): void {
  const [segment, ...rest] = segments;
  if (segment === undefined) return;
  if (segment === '**') {
    walk(folder, rest.length ? rest : ['*'], out);
    for (const entry of readdirSync(folder, { withFileTypes: true }))
      if (entry.isDirectory() && !entry.name.startsWith('.')) walk(join(folder, entry.name), segments, out);
    return;
  }
  const expression = segmentExpression(segment);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!expression.test(entry.name)) continue;
    const path = join(folder, entry.name);
    const isFolder = entry.isSymbolicLink() ? statSync(path).isDirectory() : entry.isDirectory();
    if (rest.length) {
      if (isFolder) walk(path, rest, out);
    } else if (!isFolder) out.add(path);
  }
}

function expandOne(pattern: string, baseFolder: string, as: string): string[] {
  const absolute = resolve(baseFolder, pattern);
  if (!MAGIC.test(pattern)) {
    const missing = (cause: unknown) =>
      new ConfigurationError('input not found', { file: absolute, expected: `a file (from '${as}')`, cause });
    try {
      lstatSync(absolute);
    } catch (error) {
      throw missing(error);
    }
    if (!statSync(absolute).isDirectory()) return [absolute];
    throw new ConfigurationError('input is a folder', {
      file: absolute,
      expected: `a file or a pattern, such as '${join(pattern, '**')}'`,
    });
  }
  const segments = absolute.split(sep);
  const firstMagic = segments.findIndex((segment) => MAGIC.test(segment));
  const root = segments.slice(0, firstMagic).join(sep) || (isAbsolute(absolute) ? sep : '.');
  const found = new Set<string>();
  try {
    walk(root, segments.slice(firstMagic), found);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw classifySystemError(error, { file: root });
  }
  return [...found];
}

/**
 * The files that a pattern names, sorted by name (numbers by value). A file that a literal path names must exist
 * and a pattern must match something: else ConfigurationError. Hidden files are matched only by a leading dot.
 */
export function expandGlob(pattern: string, baseFolder: string): string[] {
  const found = new Set<string>();
  for (const one of expandBraces(pattern))
    for (const path of expandOne(one, baseFolder, pattern)) found.add(path);
  if (found.size === 0)
    throw new ConfigurationError('no file matches', {
      file: resolve(baseFolder, pattern),
      expected: 'at least one file',
    });
  return [...found].sort(compareNames);
}
