/** Checkpoints of one run: written whole or not at all, verified, kept as many as asked, read back with a fallback. */

import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { classifySystemError, IntegrityError, ProvenderError } from '../../core/errors.ts';
import {
  ensureFolder,
  removeTemporaries,
  requireFree,
  syncFolder,
  temporaryName,
  writeFileAtomic,
} from '../../core/files.ts';
import { canonicalJson, sha256, sha256File } from '../../core/hash.ts';
import type { NamedArray, SessionState } from '../session.ts';
import { RECEIPT_FORMAT, type Receipt, receiptSchema } from './receipt.ts';
import { readSafetensors, type WrittenFile, writeSafetensors } from './safetensors.ts';

const WEIGHTS = 'weights.safetensors';
const MOMENTS = 'moments.safetensors';
const RECEIPT = 'checkpoint.json';
const STEP_FOLDER = /^step-(\d{9,})$/;

export interface Checkpoint {
  readonly receipt: Receipt;
  readonly state: SessionState;
  readonly folder: string;
}

interface CheckpointFile {
  readonly receipt: Receipt;
  readonly files: Readonly<Record<string, WrittenFile>>;
  /** SHA-256 of the canonical JSON of the two above. */
  readonly digest: string;
}

export class CheckpointStore {
  readonly folder: string;
  private readonly keepLast: number;

  private constructor(folder: string, keepLast: number) {
    this.folder = folder;
    this.keepLast = keepLast;
  }

  /** Makes the folder where it is missing, and clears away what a killed run left half-written. */
  static async open(folder: string, keepLast: number): Promise<CheckpointStore> {
    await ensureFolder(folder);
    await removeTemporaries(folder);
    return new CheckpointStore(folder, keepLast);
  }

  /**
   * Writes a checkpoint to a temporary folder, reads it back, syncs and renames it; then drops the ones that are
   * neither among the last `keepLast` nor the best. Returns its folder. On any error the earlier ones stand.
   */
  async save(state: SessionState, receipt: Receipt): Promise<string> {
    const folder = join(this.folder, folderName(receipt.step));
    const temporary = temporaryName(folder);
    try {
      await requireFree(this.folder, totalBytes(state) + (1 << 20));
      await mkdir(temporary);
      const about = { format: 'provender', step: String(receipt.step) };
      const files = {
        [WEIGHTS]: await writeVerified(join(temporary, WEIGHTS), state.parameters, about),
        [MOMENTS]: await writeVerified(join(temporary, MOMENTS), state.moments, about),
      };
      const content = { receipt, files };
      const text = JSON.stringify({ ...content, digest: sha256(canonicalJson(content)) }, null, 1);
      await writeFileAtomic(join(temporary, RECEIPT), `${text}\n`);
      syncFolder(temporary);
      // A checkpoint of the same step can be there when a run stops at the step at which it was resumed.
      await rm(folder, { recursive: true, force: true });
      await rename(temporary, folder);
      syncFolder(this.folder);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw classifySystemError(error, { file: folder });
    }
    await this.prune(receipt);
    return folder;
  }

  /** Steps that have a checkpoint, whole or not, ascending. */
  async steps(): Promise<number[]> {
    const names = await readdir(this.folder);
    return names
      .flatMap((name) => STEP_FOLDER.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  }

  /**
   * The newest checkpoint that is whole, or undefined where there is none. A damaged one is set aside as
   * `damaged-step-...`, with a line through `say`, and the one before it is tried.
   */
  async latest(say: (line: string) => void): Promise<Checkpoint | undefined> {
    for (const step of (await this.steps()).reverse()) {
      const folder = join(this.folder, folderName(step));
      try {
        return await readCheckpoint(folder);
      } catch (error) {
        if (!(error instanceof IntegrityError)) throw error;
        say(
          `the checkpoint of step ${step} is damaged and set aside (${error.message}); trying the one before it`,
        );
        const aside = join(this.folder, `damaged-${folderName(step)}`);
        await rm(aside, { recursive: true, force: true });
        await rename(folder, aside);
      }
    }
    return undefined;
  }

  private async prune(newest: Receipt): Promise<void> {
    const steps = await this.steps();
    const keep = new Set(steps.slice(-this.keepLast));
    keep.add(newest.step);
    // The best may have been measured at a step that has no checkpoint: then there is nothing to keep.
    if (newest.evaluations.best !== undefined) keep.add(newest.evaluations.best.step);
    for (const step of steps) {
      // Never below what a fallback needs: the newest was just verified, so its predecessors may go.
      if (!keep.has(step)) await rm(join(this.folder, folderName(step)), { recursive: true, force: true });
    }
  }
}

/** Where a run in `folder` has its checkpoints. */
export function checkpointFolder(folder: string): string {
  return join(folder, 'checkpoints');
}

/** The receipt of the newest checkpoint in a folder of them that can be read; its tensors are not looked at. */
export async function newestReceipt(folder: string): Promise<Receipt | undefined> {
  const names = await readdir(folder).catch(() => []);
  const steps = names.filter((name) => STEP_FOLDER.test(name)).sort(byStep);
  for (const name of steps.reverse()) {
    const file = await readReceiptFile(join(folder, name)).catch(() => undefined);
    if (file !== undefined) return file.receipt;
  }
  return undefined;
}

function byStep(a: string, b: string): number {
  return Number(STEP_FOLDER.exec(a)![1]) - Number(STEP_FOLDER.exec(b)![1]);
}

/** Reads and verifies one checkpoint folder. Throws an IntegrityError that says what is damaged or missing. */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const { receipt, files } = await readReceiptFile(folder);
  for (const name of [WEIGHTS, MOMENTS]) await verifyFile(join(folder, name), files[name]);
  const [parameters, moments] = [
    await readSafetensors(join(folder, WEIGHTS)),
    await readSafetensors(join(folder, MOMENTS)),
  ];
  return { receipt, state: { parameters, moments }, folder };
}

async function readReceiptFile(folder: string): Promise<CheckpointFile> {
  const path = join(folder, RECEIPT);
  let parsed: CheckpointFile;
  try {
    parsed = JSON.parse(await readFile(path, 'utf8')) as CheckpointFile;
  } catch (error) {
    throw new IntegrityError('no readable receipt', {
      file: path,
      cause: error,
      found: (error as Error).message,
    });
  }
  const { digest, ...content } = parsed;
  if (digest !== sha256(canonicalJson(content))) {
    throw new IntegrityError('the receipt was changed', { file: path, expected: `digest ${digest}` });
  }
  const format = (content.receipt as { format?: unknown } | undefined)?.format;
  if (format !== RECEIPT_FORMAT) {
    // Whole, but of another version: setting it aside as damaged would hide a downgrade from the user.
    throw new ProvenderError('a checkpoint of another format version', {
      file: path,
      expected: `${RECEIPT_FORMAT}`,
      found: String(format),
    });
  }
  const receipt = receiptSchema.safeParse(content.receipt);
  if (!receipt.success) {
    throw new IntegrityError('the receipt lacks what this version needs', {
      file: path,
      found: receipt.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '),
    });
  }
  return { ...parsed, receipt: receipt.data };
}

async function verifyFile(path: string, wanted: WrittenFile | undefined): Promise<void> {
  if (wanted === undefined) throw new IntegrityError('not in the receipt', { file: path });
  const size = await stat(path).then(
    (info) => info.size,
    () => undefined,
  );
  if (size !== wanted.bytes) {
    throw new IntegrityError('missing or of the wrong size', {
      file: path,
      expected: `${wanted.bytes} bytes`,
      found: size === undefined ? 'no file' : `${size}`,
    });
  }
  const found = await sha256File(path);
  if (found !== wanted.sha256) {
    throw new IntegrityError('damaged', { file: path, expected: `sha256 ${wanted.sha256}`, found });
  }
}

/** Writes tensors and reads the file back, so that a disk that lies is found before the old checkpoint goes. */
export async function writeVerified(
  path: string,
  tensors: ReadonlyMap<string, NamedArray>,
  metadata: Readonly<Record<string, string>>,
): Promise<WrittenFile> {
  const written = await writeSafetensors(path, tensors, metadata);
  await verifyFile(path, written);
  return written;
}

function totalBytes(state: SessionState): number {
  let bytes = 0;
  for (const group of [state.parameters, state.moments]) {
    for (const { data } of group.values()) bytes += data.byteLength;
  }
  return bytes;
}

function folderName(step: number): string {
  return `step-${String(step).padStart(9, '0')}`;
}
