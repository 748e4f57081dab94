import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { ensureFolder, fileSize, readJsonIfThere, writeFileAtomic, writeJsonAtomic } from '../core/files.ts';
import { bytes, count, counted, excerpt, table } from '../core/format.ts';
import { digestOf, sha256File } from '../core/hash.ts';
import { lockRunFolder, type UnitManifest } from '../execute/run-folder.ts';
import { readRunFacts, writeReceipt } from '../report/receipt.ts';
import { EXPORTERS, type ExportFormat, exportShards } from '../shard/exports/export.ts';
import { IMPORTERS, type ImportFormat, importShards } from '../shard/imports/import.ts';
import { renderCard } from '../shard/receipt/card.ts';
import { CARD_FILE, makeReceipt, RECEIPT_FILE, type RunFacts } from '../shard/receipt/receipt.ts';
import {
  clearLeftovers,
  findRemovals,
  type RemovalRequest,
  type Removed,
  removeDocuments,
} from '../shard/remove.ts';
import { INDEX_NAME, readShardIndex, type ShardIndex, splitsOf, storedIndex } from '../shard/shard-set.ts';
import { artifactFolder, refuseRunFolder } from './artifacts.ts';
import { openTokenizer } from './open-tokenizer.ts';

export interface ExportCommandOptions {
  readonly format: string;
  readonly out: string;
  readonly name?: string;
  readonly fileTokens?: number;
  readonly windowTokens?: number;
  readonly json?: boolean;
}

/** `provender export`: the shards of a run in the format of another project. */
export async function exportCommand(run: string, options: ExportCommandOptions): Promise<number> {
  const { format, out, name, fileTokens, windowTokens } = options;
  if (!Object.hasOwn(EXPORTERS, format)) {
    throw new ConfigurationError(`--format ${format}: not a format of shards`, {
      expected: `one of ${Object.keys(EXPORTERS).join(', ')}`,
    });
  }
  const folder = await artifactFolder(run, 'shards');
  const files = [
    ...(await interruptible((signal) =>
      exportShards(folder, resolve(out), format as ExportFormat, { name, fileTokens, windowTokens, signal }),
    )),
  ];
  if (format === 'parquet') files.push(...(await writeCardFor(run, folder, resolve(out))));
  if (options.json) process.stdout.write(`${JSON.stringify({ folder: resolve(out), files })}\n`);
  else for (const file of files) process.stdout.write(await fileLine(join(out, file)));
  return 0;
}

async function fileLine(path: string): Promise<string> {
  return `${bytes((await stat(path)).size).padStart(8)}  ${path}\n`;
}

export interface ImportCommandOptions {
  readonly format: string;
  readonly tokenizer: string;
  readonly out: string;
  readonly corpus: string;
  readonly endOfText: boolean;
  readonly shardTokens?: number;
  readonly json?: boolean;
}

/** `provender import`: shards from the token files of another project. */
export async function importCommand(folder: string, options: ImportCommandOptions): Promise<number> {
  const { format, out, corpus, endOfText, shardTokens } = options;
  if (!Object.hasOwn(IMPORTERS, format)) {
    throw new ConfigurationError(`--format ${format}: not a format of tokens`, {
      expected: `one of ${Object.keys(IMPORTERS).join(', ')}`,
    });
  }
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new ConfigurationError('no such folder', { file: folder });
  await refuseRunFolder(out);
  const tokenizer = await openTokenizer(options.tokenizer);
  const index = await interruptible((signal) =>
    importShards(folder, resolve(out), format as ImportFormat, {
      ...{ tokenizer, corpus, appendEndOfText: endOfText, shardTokens, signal },
    }),
  );
  if (options.json)
    process.stdout.write(`${JSON.stringify({ folder: resolve(out), ...storedIndex(index) })}\n`);
  else {
    for (const split of splitsOf(index)) {
      const { documents, tokens, shards } = index.splits[split];
      process.stdout.write(
        `${split.padEnd(splitsOf(index).includes('validation') ? 10 : 8)}  ${counted(documents, 'document')}, ${counted(tokens, 'token')}, ${counted(shards.length, 'shard')}\n`,
      );
    }
    process.stdout.write(`shards: ${resolve(out)}\n`);
  }
  return 0;
}

/** A folder with `data/*.parquet` and this card is a data set that Hugging Face's libraries load by its path. */
async function writeCardFor(run: string, shards: string, out: string): Promise<string[]> {
  const receipt = await makeReceipt(shards, await factsOf(run, shards));
  await writeJsonAtomic(join(out, RECEIPT_FILE), receipt);
  await writeFileAtomic(join(out, CARD_FILE), renderCard(receipt, { parquet: true }));
  return [CARD_FILE, RECEIPT_FILE];
}

/** What the run knows, where `run` is a run directory. */
async function factsOf(run: string, shards: string): Promise<RunFacts | undefined> {
  return run === shards ? undefined : readRunFacts(run);
}

export interface ReceiptCommandOptions {
  readonly out?: string;
  readonly json?: boolean;
}

/** `provender receipt`: what went into the shards, what did not and why, under which terms. */
export async function receiptCommand(run: string, options: ReceiptCommandOptions): Promise<number> {
  const shards = await artifactFolder(run, 'shards');
  const to = options.out === undefined ? shards : await ensureFolder(resolve(options.out));
  const receipt = await writeReceipt(shards, run === shards ? undefined : run, to);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(receipt)}\n`);
    return 0;
  }
  const rows = receipt.corpora.map(({ name, train, 'held-out': heldOut, validation, terms }) => [
    excerpt(name, 40),
    count(train.documents),
    count(train.tokens),
    ...(validation ? [count(validation.documents)] : []),
    count(heldOut.documents),
    excerpt(terms?.licence ?? 'no card', 80),
  ]);
  const looked = receipt.splits.validation ? ['validation'] : [];
  const head = ['corpus', 'documents', 'tokens', ...looked, 'held out', 'licence'];
  const { oldest, newest } = receipt.contents;
  const lines = table(
    [head, ...rows],
    head.map((_, i) => (i === 0 || i === head.length - 1 ? 'left' : 'right')),
  );
  if (oldest !== null) lines.push('', `dates: ${oldest} to ${newest}`);
  process.stdout.write(`${lines.join('\n')}\n\n${join(to, RECEIPT_FILE)}\n${join(to, CARD_FILE)}\n`);
  return 0;
}

async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const aborter = new AbortController();
  const interrupt = (): void => aborter.abort();
  process.once('SIGINT', interrupt);
  try {
    return await work(aborter.signal);
  } finally {
    process.off('SIGINT', interrupt);
  }
}

export interface RemoveCommandOptions {
  readonly id: readonly string[];
  readonly corpus?: string;
  readonly url: readonly string[];
  readonly source: readonly string[];
  readonly reason?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/**
 * `provender remove`: takes documents out of the shards of a run (or of a folder of shards). The run's manifest then
 * names the new files, so that the run stays whole and what was made of the old shards is made again.
 */
export async function removeCommand(run: string, options: RemoveCommandOptions): Promise<number> {
  const request = requestOf(options);
  const folder = await artifactFolder(run, 'shards');
  const release = await lockRunFolder(run);
  try {
    const found = await findRemovals(folder, request);
    if (options.dryRun || found.length === 0) {
      // A removal that was cut off after its index changed over is finished here.
      if (!options.dryRun) {
        await clearLeftovers(folder);
        await updateManifest(folder);
      }
      printRemoval(found, options, 'would remove');
      return found.length === 0 ? NOTHING_MATCHES : 0;
    }
    const { index, shards } = await removeDocuments(folder, request);
    await updateManifest(folder, index);
    if ((await fileSize(join(folder, RECEIPT_FILE))) !== undefined)
      await writeReceipt(folder, run === folder ? undefined : run);
    printRemoval(found, options, 'removed', shards);
    return 0;
  } finally {
    await release();
  }
}

/** Whoever takes documents down must notice that they were not there. */
const NOTHING_MATCHES = 1;

function requestOf({ id, corpus, url, source, reason }: RemoveCommandOptions): RemovalRequest {
  if (id.length + url.length + source.length === 0)
    throw new ConfigurationError('say what is to go: --id, --url or --source');
  // Of a crawl the id of a document is its URL; of a file that was fetched the source is.
  const ids = [...id.map((one) => ({ id: one, corpus })), ...url.map((one) => ({ id: one, corpus }))];
  return { ids, sources: [...source, ...url], reason: reason ?? 'not given' };
}

function printRemoval(
  found: readonly Removed[],
  { json, dryRun }: RemoveCommandOptions,
  verb: string,
  shards: readonly string[] = [],
): void {
  const tokens = found.reduce((sum, { tokenRange }) => sum + tokenRange[1] - tokenRange[0], 0);
  if (json) {
    const done = !dryRun && found.length > 0;
    process.stdout.write(`${JSON.stringify({ removed: done, documents: found, tokens, shards })}\n`);
    return;
  }
  if (found.length === 0) {
    process.stdout.write('no document of the shards matches: nothing to remove\n');
    return;
  }
  for (const { corpus, id, shard, tokenRange } of found) {
    const [from, to] = tokenRange;
    process.stdout.write(
      `${verb}  ${excerpt(id, 100)} of ${excerpt(corpus, 40)}: ${shard}, tokens ${count(from)} to ${count(to)}\n`,
    );
  }
  process.stdout.write(`${counted(found.length, 'document')}, ${counted(tokens, 'token')}\n`);
  if (shards.length > 0) {
    process.stdout.write(
      `written anew: ${shards.join(', ')}\nmodels that were trained on these shards have seen the documents; a run that builds its shards anew reads them again unless its inputs no longer have them\n`,
    );
  }
}

/** Makes the manifest of the unit that holds these shards name the files that are there now. */
async function updateManifest(folder: string, known?: ShardIndex): Promise<void> {
  const path = join(folder, '..', 'manifest.json');
  const manifest = await readJsonIfThere<UnitManifest>(path);
  if (manifest?.files === undefined || !manifest.files.some((file) => file.path === INDEX_NAME)) return;
  const index = known ?? (await readShardIndex(folder));
  const shards = Object.values(index.splits).flatMap((split) => split.shards.map(({ file }) => file));
  const removals = (index.removals ?? []).map(({ file }) => file);
  const others = manifest.files
    .map((file) => file.path)
    .filter((name) => name !== INDEX_NAME && !name.endsWith('.shard') && !name.startsWith('removal-'));
  const files: { path: string; bytes: number; sha256: string }[] = [];
  for (const name of [INDEX_NAME, ...shards, ...removals, ...others]) {
    const before = manifest.files.find((file) => file.path === name);
    const at = join(folder, name);
    const { size } = await stat(at);
    const same = before?.bytes === size && name.endsWith('.shard');
    files.push(same ? before : { path: name, bytes: size, sha256: await sha256File(at) });
  }
  if (digestOf(files) === manifest.outputDigest) return;
  const summary = { ...manifest.summary, digest: index.digest };
  await writeJsonAtomic(path, { ...manifest, files, outputDigest: digestOf(files), summary });
}
