import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { ConfigurationError } from '../core/errors.ts';
import { expandGlob } from './glob.ts';
import { packageRoot } from './package-root.ts';
import { FORMATS, layoutShape } from './read-spec.ts';

/** A corpus card: where a corpus comes from, under which terms, how it is had and how its files are read. */
export const cardSchema = z.strictObject({
  title: z.string().min(1).describe('What it is called.'),
  origin: z.string().min(1).describe('Who made it, and where it was published.'),
  licence: z.string().min(1).describe('Its terms.'),
  package: z.string().min(1).optional().describe('The npm package that holds it.'),
  version: z.string().min(1).optional().describe('The version of the package that the digest is of.'),
  folder: z.string().default('.').describe('Where its files are, in the package or beside the card.'),
  files: z.array(z.string().min(1)).min(1).describe('Patterns, in the order in which the files are read.'),
  format: z.enum(FORMATS),
  metadata: z
    .string()
    .optional()
    .describe('A regular expression on the path in the folder; its named groups become metadata.'),
  ...layoutShape,
  digest: z.string().describe("SHA-256 over every file's name in the folder and content: see corpusDigest."),
  counts: z.strictObject({ files: z.int(), documents: z.int(), bytes: z.int() }),
  notes: z.string().optional().describe('What one has to know before using it.'),
});

export interface Corpus {
  readonly name: string;
  readonly cardPath: string;
  readonly card: z.output<typeof cardSchema>;
}

const corporaFolder = () => join(packageRoot(), 'corpora');

/** The names that `{corpus: NAME}` may have. */
export function corpusNames(): string[] {
  return readdirSync(corporaFolder(), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(corporaFolder(), entry.name, 'card.yaml')))
    .map((entry) => entry.name)
    .sort();
}

/** The card of a corpus by its name, or by the path of a card of one's own (ending in .yaml, from `baseFolder`). */
export function loadCorpus(name: string, baseFolder: string): Corpus {
  const own = /\.ya?ml$/.test(name);
  const cardPath = own ? resolve(baseFolder, name) : join(corporaFolder(), name, 'card.yaml');
  if (!existsSync(cardPath))
    throw new ConfigurationError(own ? 'no such corpus card' : `no corpus '${name}'`, {
      file: own ? cardPath : undefined,
      expected: own ? 'a card' : `one of ${corpusNames().join(', ')}, or the path of a card.yaml`,
    });
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(cardPath, 'utf8'), { lineCounter: lines });
  if (document.errors.length) throw new ConfigurationError(document.errors[0]!.message, { file: cardPath });
  const parsed = cardSchema.safeParse(document.toJS());
  if (!parsed.success)
    throw new ConfigurationError(`not a corpus card\n${z.prettifyError(parsed.error)}`, { file: cardPath });
  return { name: own ? parsed.data.title : name, cardPath, card: parsed.data };
}

/** The folder that holds a corpus's files. Throws ConfigurationError, naming the command that adds a missing package. */
export function corpusFolder({ name, card, cardPath }: Corpus): string {
  if (card.package === undefined) return resolve(dirname(cardPath), card.folder);
  const from = [cardPath, join(packageRoot(), 'package.json'), join(process.cwd(), 'package.json')];
  for (const base of from) {
    try {
      const manifest = createRequire(base).resolve(`${card.package}/package.json`);
      return resolve(dirname(manifest), card.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  const wanted = card.version === undefined ? card.package : `${card.package}@${card.version}`;
  throw new ConfigurationError(`the corpus '${name}' is not installed`, {
    expected: `the npm package ${card.package}: npm install --ignore-scripts ${wanted}`,
    found: 'no such package',
  });
}

/** A corpus's files in the order of its card: pattern by pattern, by name within each, each file once. */
export function corpusFiles(corpus: Corpus): { folder: string; paths: string[] } {
  const folder = corpusFolder(corpus);
  const paths = new Set<string>();
  for (const pattern of corpus.card.files) for (const path of expandGlob(pattern, folder)) paths.add(path);
  const { files } = corpus.card.counts;
  if (paths.size !== files)
    throw new ConfigurationError(`the corpus '${corpus.name}' is not what its card says`, {
      file: folder,
      expected: `${files} files`,
      found: `${paths.size}`,
    });
  return { folder, paths: [...paths] };
}

/**
 * SHA-256 over every file of a corpus, sorted by name: its name in the corpus's folder, its length in decimal and its
 * content, each of the first two ended by a zero byte. Reads everything.
 */
export function corpusDigest(folder: string, paths: readonly string[]): { digest: string; bytes: number } {
  const hash = createHash('sha256');
  let bytes = 0;
  const names = paths.map((path) => [relative(folder, path).replaceAll('\\', '/'), path] as const);
  names.sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, path] of names) {
    const content = readFileSync(path);
    bytes += content.length;
    hash.update(`${name}\0${content.length}\0`).update(content);
  }
  return { digest: hash.digest('hex'), bytes };
}
