import { existsSync, readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What of a stack helps: of a user's own step the line of its source, `at own.ts:12:5`, else the frames without the
 * message above them, which was printed already.
 */
export function helpfulFrames(stack: string): string[] {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  const own = frames.find((line) => line.includes('.bundle.mjs:'));
  const [, url, line, column] = /(file:[^\s)]+\.bundle\.mjs):(\d+):(\d+)/.exec(own ?? '') ?? [];
  if (url === undefined) return frames;
  const bundle = fileURLToPath(url);
  const map = `${bundle}.map`;
  if (!existsSync(map)) return [own!];
  const found = new SourceMap(JSON.parse(readFileSync(map, 'utf8')) as SourceMapPayload).findEntry(
    Number(line) - 1,
    Number(column) - 1,
  );
  if (!('originalSource' in found)) return [own!];
  const source = relative(process.cwd(), resolve(dirname(bundle), found.originalSource));
  return [`    at ${source}:${found.originalLine + 1}:${found.originalColumn + 1}`];
}
