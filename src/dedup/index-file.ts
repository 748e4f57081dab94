import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigurationError, classifySystemError, IntegrityError } from '../core/errors.ts';
import { syncFolder, writeJsonAtomic } from '../core/files.ts';
import { BlockReader, BlockWriter, digestOf } from './block-file.ts';
import type { Side } from './document-columns.ts';
import { chunkWords, type KeyStream } from './key-streams.ts';
import type { UnionFind } from './union-find.ts';

/*
 * An index: what a later crawl is deduplicated against. A folder of
 *
 *   index.json      version, kind, parameters, and every file below with its digest
 *   sNNN-MMMMM.side one segment a run: its side files, as they were (hard links where the disk allows)
 *   sNNN.keys       the segment's keys, sorted: a section a band, entries of (key, document)
 *   roots-NNN       of every document: the smallest of its cluster, and whether it stayed
 *
 * Segments never change: a later run's index has those of the former one and one more, so that extending it neither
 * signs nor sorts a document again. Documents are numbered through all segments in order.
 */
const VERSION = 1;
const INDEX_FILE = 'index.json';
const KEYS_KIND = 'sorted-keys';
const ROOTS_KIND = 'index-roots';
const ROOTS_DIGEST = digestOf({ record: 'root, stayed' });
const ROOT_SECTION = 0;
const STAYED_SECTION = 1;
const ROOTS_A_BLOCK = 1 << 18;

const fileSchema = z.strictObject({ file: z.string(), documents: z.number(), digest: z.string() });
const indexSchema = z.strictObject({
  format: z.literal('provender-dedup-index'),
  version: z.literal(VERSION),
  /** Of the side files: `minhash` or `exact`. */
  kind: z.string(),
  /** Digest of what signatures and keys depend on. */
  parameters: z.string(),
  documents: z.number(),
  segments: z.array(
    z.strictObject({
      documents: z.number(),
      sideDigest: z.string(),
      sides: z.array(fileSchema),
      keys: fileSchema,
    }),
  ),
  roots: fileSchema,
});
type IndexJson = z.infer<typeof indexSchema>;

/** Where the index at `path` is: a folder of one, or a run directory whose deduplication kept one. */
export function findIndex(path: string, kind: string, baseFolder: string): string {
  const folder = resolve(baseFolder, path);
  if (existsSync(join(folder, INDEX_FILE))) return folder;
  const units = join(folder, 'units');
  const found = (existsSync(units) ? readdirSync(units).sort() : [])
    .map((unit) => join(units, unit, 'artifact', 'index'))
    .filter((candidate) => existsSync(join(candidate, INDEX_FILE)) && readIndex(candidate).kind === kind);
  const last = found.at(-1);
  if (last !== undefined) return last;
  throw new ConfigurationError('no index of a deduplication here', {
    file: folder,
    expected: `a folder with ${INDEX_FILE}, or the directory of a run with \`keepIndex: true\``,
  });
}

/** The file whose digest stands for the whole index, relative to `baseFolder`. */
export function indexFile(path: string, kind: string, baseFolder: string): string {
  return relative(baseFolder, join(findIndex(path, kind, baseFolder), INDEX_FILE));
}

function readIndex(folder: string): IndexJson {
  const file = join(folder, INDEX_FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw classifySystemError(error, { file });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new IntegrityError('damaged index', { file, expected: 'JSON', found: (error as Error).message });
  }
  const parsed = indexSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new IntegrityError('damaged index, or one of another version', {
    file,
    expected: `version ${VERSION}, ${issue.path.join('.')}: ${issue.message}`,
    found: text.slice(0, 80),
  });
}

/** An index that is read. Its documents have the numbers 0, 1, ...; every file was checked to be the one meant. */
export class DedupIndex {
  readonly folder: string;
  readonly documents: number;
  readonly json: IndexJson;
  /** Side files, numbered through. */
  readonly sides: readonly Side[];
  /** [documents] the smallest document of the same cluster. */
  readonly roots: Uint32Array;
  /** [documents] 1 where the document stayed. */
  readonly stayed: Uint8Array;
  private readonly keys: { readonly reader: BlockReader; readonly first: number }[] = [];

  /** @throws IntegrityError where a file is damaged or another one; ConfigurationError where it has other parameters */
  constructor(folder: string, kind: string, parameters: Buffer) {
    this.folder = folder;
    this.json = readIndex(folder);
    this.documents = this.json.documents;
    this.roots = new Uint32Array(this.documents);
    this.stayed = new Uint8Array(this.documents);
    const expected = parameters.toString('hex');
    if (this.json.kind !== kind || this.json.parameters !== expected) {
      throw new ConfigurationError('an index that was made with other options', {
        file: join(folder, INDEX_FILE),
        expected: `${kind}, parameters ${expected}`,
        found: `${this.json.kind}, parameters ${this.json.parameters}`,
      });
    }
    const sides: Side[] = [];
    this.sides = sides;
    try {
      let first = 0;
      for (const segment of this.json.segments) {
        const begin = first;
        for (const side of segment.sides) {
          const reader = this.open(side, kind, Buffer.from(segment.sideDigest, 'hex'));
          sides.push({ reader, firstDocument: first });
          first += side.documents;
        }
        this.keys.push({ reader: this.open(segment.keys, KEYS_KIND, parameters), first: begin });
      }
      this.readRoots();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sorted entries of one band, a stream a segment; `shift` is added to the documents' numbers. */
  streams(section: number, keyWords: number, shift: number): KeyStream[] {
    return this.keys.map(({ reader, first }) => new SortedKeys(reader, section, keyWords + 1, first + shift));
  }

  close(): void {
    for (const { reader } of this.sides) reader.close();
    for (const { reader } of this.keys) reader.close();
  }

  private open(file: IndexJson['roots'], kind: string, digest: Buffer): BlockReader {
    const path = join(this.folder, file.file);
    const reader = new BlockReader(path, kind, digest);
    if (reader.identity === file.digest && reader.documents === file.documents) return reader;
    reader.close();
    throw new IntegrityError('not the file that the index was made of', {
      file: path,
      expected: `digest ${file.digest}, ${file.documents} documents`,
      found: `digest ${reader.identity}, ${reader.documents} documents`,
    });
  }

  private readRoots(): void {
    const reader = this.open(this.json.roots, ROOTS_KIND, ROOTS_DIGEST);
    try {
      for (const entry of reader.section(ROOT_SECTION))
        this.roots.set(new Uint32Array(reader.read(entry).buffer), entry.first);
      for (const entry of reader.section(STAYED_SECTION)) this.stayed.set(reader.read(entry), entry.first);
    } finally {
      reader.close();
    }
  }
}

/** Entries of one section of a file of sorted keys. */
class SortedKeys implements KeyStream {
  words: Uint32Array = new Uint32Array(0);
  at = 0;
  private readonly reader: BlockReader;
  private readonly blocks: ReturnType<BlockReader['section']>;
  private readonly entryWords: number;
  private readonly shift: number;
  private block = 0;

  constructor(reader: BlockReader, section: number, entryWords: number, shift: number) {
    this.reader = reader;
    this.blocks = reader.section(section);
    this.entryWords = entryWords;
    this.shift = shift;
  }

  next(): boolean {
    this.at += this.entryWords;
    if (this.at < this.words.length) return true;
    const entry = this.blocks[this.block++];
    if (entry === undefined) return false;
    this.words = new Uint32Array(this.reader.read(entry).buffer);
    for (let i = this.entryWords - 1; i < this.words.length; i += this.entryWords)
      this.words[i]! += this.shift;
    this.at = 0;
    return true;
  }

  close(): void {}
}

/** Writes an index beside the clusters: the former one's segments, and one of the documents of this run. */
export class IndexWriter {
  private readonly folder: string;
  private readonly former: DedupIndex | undefined;
  private readonly segment: number;
  private readonly kind: string;
  private readonly parameters: Buffer;
  private readonly keys: BlockWriter;
  private readonly chunk: Uint32Array;
  private readonly entryWords: number;
  private filled = 0;
  private section = 0;

  /** @param folder where it will lie: made anew. @param keyWords 32-bit words a key */
  constructor(folder: string, kind: string, parameters: Buffer, keyWords: number, former?: DedupIndex) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.former = former;
    this.segment = former?.json.segments.length ?? 0;
    this.kind = kind;
    this.parameters = parameters;
    this.entryWords = keyWords + 1;
    this.chunk = new Uint32Array(chunkWords(this.entryWords));
    this.keys = new BlockWriter(join(folder, this.name('.keys')), KEYS_KIND, parameters);
  }

  /** Begins the entries of a band. */
  begin(section: number): void {
    this.flush();
    this.section = section;
  }

  /** Adds an entry of this run; they come in the order of (key, document). */
  add(words: Uint32Array, at: number): void {
    for (let w = 0; w < this.entryWords; w++) this.chunk[this.filled++] = words[at + w]!;
    if (this.filled === this.chunk.length) this.flush();
  }

  /**
   * Completes the index.
   * @param forest over the documents of this run, then those of the former index
   * @param removed [documents of this run] 1 where one was removed
   * @returns its files but for the former segments, whose own digests are in index.json
   */
  async finish(
    sides: readonly Side[],
    sideDigest: Buffer,
    forest: UnionFind,
    removed: Uint8Array,
  ): Promise<string[]> {
    this.flush();
    this.keys.finish();
    const documents = removed.length;
    const { segments, linked } = this.formerSegments();
    const own = sides.map(({ reader }, i) => {
      const file = this.name(`-${String(i).padStart(5, '0')}.side`);
      this.take(reader.path, file);
      return { file, documents: reader.documents, digest: reader.identity };
    });
    const keys = this.described(this.name('.keys'), KEYS_KIND, this.parameters);
    const json: IndexJson = {
      format: 'provender-dedup-index',
      version: VERSION,
      kind: this.kind,
      parameters: this.parameters.toString('hex'),
      documents: linked + documents,
      segments: [...segments, { documents, sideDigest: sideDigest.toString('hex'), sides: own, keys }],
      roots: this.writeRoots(forest, removed),
    };
    syncFolder(this.folder);
    await writeJsonAtomic(join(this.folder, INDEX_FILE), json);
    return [INDEX_FILE, json.roots.file, keys.file, ...own.map(({ file }) => file)].map((file) =>
      join(basename(this.folder), file),
    );
  }

  abandon(): void {
    this.keys.abandon();
  }

  private name(rest: string): string {
    return `s${String(this.segment).padStart(3, '0')}${rest}`;
  }

  private formerSegments(): { segments: IndexJson['segments']; linked: number } {
    const { former } = this;
    if (!former) return { segments: [], linked: 0 };
    for (const { sides, keys } of former.json.segments)
      for (const { file } of [...sides, keys]) this.take(join(former.folder, file), file);
    return { segments: former.json.segments, linked: former.documents };
  }

  /** Another name for a file that never changes; a copy where the disk has no such names or it is on another one. */
  private take(from: string, name: string): void {
    const to = join(this.folder, name);
    try {
      linkSync(from, to);
    } catch {
      try {
        copyFileSync(from, to);
      } catch (error) {
        throw classifySystemError(error, { file: to });
      }
    }
  }

  private described(file: string, kind: string, digest: Buffer): IndexJson['roots'] {
    const reader = new BlockReader(join(this.folder, file), kind, digest);
    reader.close();
    return { file, documents: reader.documents, digest: reader.identity };
  }

  private flush(): void {
    if (this.filled === 0) return;
    const entries = this.filled / this.entryWords;
    this.keys.write(this.section, new Uint8Array(this.chunk.buffer, 0, this.filled * 4), entries);
    this.keys.commit(entries);
    this.filled = 0;
  }

  private writeRoots(forest: UnionFind, removed: Uint8Array): IndexJson['roots'] {
    const file = `roots-${String(this.segment).padStart(3, '0')}`;
    const writer = new BlockWriter(join(this.folder, file), ROOTS_KIND, ROOTS_DIGEST);
    const fresh = removed.length;
    const old = this.former?.documents ?? 0;
    // In the forest the new documents come first; in the index they come last.
    const inForest = (i: number): number => (i < old ? fresh + i : i - old);
    const inIndex = (d: number): number => (d < fresh ? old + d : d - fresh);
    const roots = new Uint32Array(ROOTS_A_BLOCK);
    const stayed = new Uint8Array(ROOTS_A_BLOCK);
    for (let from = 0; from < old + fresh; from += ROOTS_A_BLOCK) {
      const n = Math.min(ROOTS_A_BLOCK, old + fresh - from);
      for (let k = 0; k < n; k++) {
        const i = from + k;
        roots[k] = inIndex(forest.find(inForest(i)));
        stayed[k] = i < old ? this.former!.stayed[i]! : 1 - removed[i - old]!;
      }
      writer.write(ROOT_SECTION, new Uint8Array(roots.buffer, 0, n * 4), n);
      writer.write(STAYED_SECTION, stayed.subarray(0, n), n);
      writer.commit(n);
    }
    writer.finish();
    return this.described(file, ROOTS_KIND, ROOTS_DIGEST);
  }
}
