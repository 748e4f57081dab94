/** The ruler: held-out documents by domain, fixed and digested before any arm exists. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DocumentBatch } from '../core/batch.ts';
import { codeHash } from '../core/code-hash.ts';
import { ConfigurationError } from '../core/errors.ts';
import { ensureFolder, readJsonIfThere, writeFileAtomic, writeJsonAtomic } from '../core/files.ts';
import { digestOf, sha256, sha256File } from '../core/hash.ts';
import { resolvePipeline, type StepTable, stepAnswersTo } from '../core/pipeline-file.ts';
import type { JudgeStep, StepSpec } from '../core/step.ts';
import { BatchTextView } from '../core/text-view.ts';
import type { Plan } from '../execute/plan.ts';
import { readManifest } from '../execute/run-folder.ts';
import { fileDigests } from '../execute/step-files.ts';
import { definitionOf } from './arms.ts';
import { readJsonLines, unitDocuments } from './documents.ts';
import type { AblationFile, DomainOptions } from './file.ts';
import type { Domain } from './outcome.ts';

export interface RulerDocument {
  readonly corpus: string;
  readonly id: string;
  readonly text: string;
  /** Names of the domains that score it. */
  readonly domains: readonly string[];
}

export interface Ruler {
  readonly domains: readonly Domain[];
  /** In order of corpus and id. */
  readonly documents: readonly RulerDocument[];
  /** Over everything that is scored. */
  readonly digest: string;
  /** Documents that are held out, scored or not. */
  readonly heldOut: number;
}

export const RULER_FILE = 'ruler.jsonl';
export const HELD_OUT_FILE = 'held-out.jsonl';
const CARD_FILE = 'ruler.json';

interface Candidate extends RulerDocument {
  readonly bytes: number;
  readonly rank: string;
  readonly domains: string[];
}

interface Card extends Omit<Ruler, 'documents'> {
  /** Of what the ruler is made from, and how: where it is the same, the ruler that is there is the one. */
  readonly fingerprint: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Reads the held-out documents that a carving run left and writes the ruler into `folder`, where it is not there yet. */
export async function makeRuler(
  file: AblationFile,
  table: StepTable,
  plan: Plan,
  runFolder: string,
  folder: string,
): Promise<Ruler> {
  const judges = await domainJudges(file, table);
  const documents = await readManifest(runFolder, plan.units.at(-1)!);
  const { domains, primary, bytes, documentBytes } = file.options.ruler;
  const fingerprint = digestOf({
    options: { domains, primary, bytes, documentBytes },
    judges: [...judges],
    documents: documents!.outputDigest,
    code: codeHash(import.meta.url),
  });
  const found = await readRuler(folder, fingerprint);
  return found ?? carve(file, judges, plan, runFolder, { folder, fingerprint });
}

/** The ruler in a folder, whole; undefined where it is another one, or damaged. */
async function readRuler(folder: string, fingerprint: string): Promise<Ruler | undefined> {
  const card = await readJsonIfThere<Card>(join(folder, CARD_FILE));
  if (card?.fingerprint !== fingerprint) return undefined;
  for (const [name, digest] of Object.entries(card.files))
    if ((await sha256File(join(folder, name)).catch(() => undefined)) !== digest) return undefined;
  const { domains, digest, heldOut } = card;
  return {
    domains,
    documents: await readJsonLines<RulerDocument>(join(folder, RULER_FILE)),
    digest,
    heldOut,
  };
}

async function carve(
  file: AblationFile,
  judges: DomainJudges,
  plan: Plan,
  runFolder: string,
  { folder, fingerprint }: { folder: string; fingerprint: string },
): Promise<Ruler> {
  const candidates: Candidate[] = [];
  const validation: Pick<Candidate, 'corpus' | 'id'>[] = [];
  for await (const batch of measuredDocuments(plan, runFolder)) {
    for (let i = 0; i < batch.length; i++) {
      const { corpus, id, split } = batch.rows[i]!;
      if (split === 'validation') validation.push({ corpus, id });
      else candidates.push(candidateOf(batch, i, file, judges));
    }
  }
  const byName = (a: Pick<Candidate, 'corpus' | 'id'>, b: Pick<Candidate, 'corpus' | 'id'>): number =>
    compare(a.corpus, b.corpus) || compare(a.id, b.id);
  candidates.sort(byName);
  validation.sort(byName);
  const scored = new Map<Candidate, string[]>();
  for (const [name, options] of Object.entries(file.options.ruler.domains)) {
    const mine = candidates.filter(({ domains }) => domains.includes(name));
    for (const document of choose(mine, options.bytes ?? file.options.ruler.bytes))
      scored.set(document, [...(scored.get(document) ?? []), name]);
  }
  const documents = candidates
    .filter((document) => scored.has(document))
    .map((document) => ({
      corpus: document.corpus,
      id: document.id,
      domains: scored.get(document)!,
      text: document.text,
    }));
  const ruler = {
    domains: describeDomains(file, documents),
    documents,
    digest: sha256(documents.map((document) => JSON.stringify(document)).join('\n')),
    heldOut: candidates.length,
  };
  await writeRuler(ruler, candidates, validation, { folder, fingerprint });
  return ruler;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Held-out and validation documents: what no arm trains on. */
async function* measuredDocuments(plan: Plan, runFolder: string): AsyncGenerator<DocumentBatch> {
  for await (const { batch } of unitDocuments(runFolder, plan.units.at(-1)!, 'documents')) {
    const held = batch.rows.flatMap(({ split }, i) => (split === 'train' ? [] : [i]));
    if (held.length > 0) yield batch.select(held);
  }
}

interface DomainJudge {
  readonly step: JudgeStep<string, never>;
  readonly options: never;
  /** As a fingerprint shows it: what it is and what its code is, not the functions. */
  toJSON(): unknown;
}
type DomainJudges = ReadonlyMap<string, { passes: readonly DomainJudge[]; fails: readonly DomainJudge[] }>;

async function domainJudges(file: AblationFile, table: StepTable): Promise<DomainJudges> {
  const judges = new Map<string, { passes: DomainJudge[]; fails: DomainJudge[] }>();
  for (const [name, { passes, fails }] of Object.entries(file.options.ruler.domains)) {
    const open = async (entries: readonly unknown[]): Promise<DomainJudge[]> => {
      const opened: DomainJudge[] = [];
      for (const entry of entries) opened.push(await judgeOf(entry, name, file, table));
      return opened;
    };
    judges.set(name, { passes: await open(passes), fails: await open(fails) });
  }
  return judges;
}

async function judgeOf(
  entry: unknown,
  domain: string,
  { pipeline, baseFolder, path }: AblationFile,
  table: StepTable,
): Promise<DomainJudge> {
  const steps = Array.isArray(pipeline.steps) ? (pipeline.steps as unknown[]) : [];
  // A bare name means the step as the base pipeline has it, with its options there.
  const own = typeof entry === 'string' ? steps.find((step) => stepAnswersTo(step, entry)) : undefined;
  const spec = await resolvePipeline({ name: domain, steps: [own ?? entry] }, table, {
    file: `${path}: ruler.domains.${domain}`,
    baseFolder,
  });
  const step: StepSpec = spec.steps[0]!;
  const definition = await definitionOf(step, table);
  if (definition?.role !== 'judge')
    throw new ConfigurationError(
      `ruler.domains.${domain}: ${step.kind} is no filter that judges each document alone`,
      {
        file: path,
      },
    );
  const { kind, options } = step;
  const files = await fileDigests(definition, options, baseFolder);
  return {
    step: definition as unknown as JudgeStep<string, never>,
    options: options as never,
    toJSON: () => ({ kind, options, files, code: codeHash(definition.module) }),
  };
}

function candidateOf(batch: DocumentBatch, i: number, file: AblationFile, judges: DomainJudges): Candidate {
  const row = batch.rows[i]!;
  const view = new BatchTextView(batch, i);
  const keeps = ({ step, options }: DomainJudge): boolean =>
    step.judge.decide(step.judge.measure(view, options), options).keep;
  const domains = Object.entries(file.options.ruler.domains)
    .filter(([name, domain]) => {
      const { passes, fails } = judges.get(name)!;
      return matches(domain, row) && passes.every(keeps) && (fails.length === 0 || !fails.every(keeps));
    })
    .map(([name]) => name);
  const text = headOf(batch.text(i), file.options.ruler.documentBytes);
  return {
    corpus: row.corpus,
    id: row.id,
    text,
    bytes: Buffer.byteLength(text),
    rank: sha256(`${row.corpus}\0${row.id}`),
    domains,
  };
}

/** At most `most` bytes of a text, up to the end of a word. */
export function headOf(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  const head = Buffer.from(text)
    .subarray(0, most)
    .toString('utf8')
    .replace(/\ufffd+$/, '');
  const end = head.search(/\s\S*$/);
  return end > most / 2 ? head.slice(0, end) : head;
}

function matches(domain: DomainOptions, row: DocumentBatch['rows'][number]): boolean {
  if (domain.corpus !== undefined && domain.corpus !== row.corpus) return false;
  return Object.entries(domain.metadata).every(([key, value]) => row.metadata[key] === value);
}

/** Whole documents in the order of their hash until `most` bytes are reached; at least one, and none that is empty. */
function choose(candidates: readonly Candidate[], most: number): Candidate[] {
  let bytes = 0;
  const chosen: Candidate[] = [];
  for (const candidate of [...candidates].sort((a, b) => compare(a.rank, b.rank))) {
    if (candidate.bytes === 0 || (chosen.length > 0 && bytes + candidate.bytes > most)) continue;
    bytes += candidate.bytes;
    chosen.push(candidate);
  }
  return chosen;
}

function describeDomains(file: AblationFile, documents: readonly RulerDocument[]): Domain[] {
  const { domains, primary } = file.options.ruler;
  const total = Object.values(domains).reduce((sum, { weight }) => sum + weight, 0);
  return Object.entries(domains).map(([name, options]) => {
    const mine = documents.filter((document) => document.domains.includes(name));
    if (mine.length === 0)
      throw new ConfigurationError(`ruler.domains.${name}: no held-out document is of this kind`, {
        file: file.path,
        expected: 'a larger fraction of the step hold-out, or another domain',
      });
    const documentBytes = mine.map(({ text }) => Buffer.byteLength(text));
    return {
      name,
      target: options.target ?? name,
      weight: options.weight / total,
      primary: name === primary,
      documents: mine.length,
      bytes: documentBytes.reduce((sum, size) => sum + size, 0),
      documentBytes,
      digest: sha256(mine.map(({ corpus, id, text }) => JSON.stringify([corpus, id, text])).join('\n')),
    };
  });
}

async function writeRuler(
  ruler: Ruler,
  heldOut: readonly Candidate[],
  validation: readonly Pick<Candidate, 'corpus' | 'id'>[],
  { folder, fingerprint }: { folder: string; fingerprint: string },
): Promise<void> {
  const lines = (values: readonly object[]): string =>
    values.map((value) => `${JSON.stringify(value)}\n`).join('');
  await ensureFolder(folder);
  const listed = [
    ...heldOut.map(({ corpus, id }) => ({ corpus, id })),
    ...validation.map(({ corpus, id }) => ({ corpus, id, split: 'validation' })),
  ];
  const texts = { [HELD_OUT_FILE]: lines(listed), [RULER_FILE]: lines(ruler.documents) };
  const files: Record<string, string> = {};
  for (const [name, text] of Object.entries(texts)) {
    await writeIfOther(join(folder, name), text);
    files[name] = sha256(text);
  }
  const { documents: _, ...rest } = ruler;
  await writeJsonAtomic(join(folder, CARD_FILE), { ...rest, fingerprint, files } satisfies Card);
}

/** A file that is the same keeps its times. */
async function writeIfOther(path: string, text: string): Promise<void> {
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found !== text) await writeFileAtomic(path, text);
}
