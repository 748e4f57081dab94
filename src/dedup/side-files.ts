import { CancelledError, IntegrityError } from '../core/errors.ts';
import type { JobContext, SideFile } from '../core/stage.ts';
import { BlockReader } from './block-file.ts';
import type { Side } from './document-columns.ts';

/** Opens side files and checks that each holds what the runner counted. Returns them and the number of documents. */
export function openSides(
  files: readonly SideFile[],
  kind: string,
  digest: Buffer,
): { sides: Side[]; documents: number } {
  const sides: Side[] = [];
  let documents = 0;
  try {
    for (const file of files) {
      const reader = new BlockReader(file.path, kind, digest);
      sides.push({ reader, firstDocument: file.firstDocument });
      if (reader.documents !== file.documents) {
        throw new IntegrityError('side file of another number of documents', {
          file: file.path,
          expected: `${file.documents} documents`,
          found: `${reader.documents}`,
        });
      }
      documents = Math.max(documents, file.firstDocument + file.documents);
    }
  } catch (error) {
    closeSides(sides);
    throw error;
  }
  return { sides, documents };
}

export function closeSides(sides: readonly Side[]): void {
  for (const side of sides) side.reader.close();
}

/** Lets the event loop turn about every 50 ms of plain loops, reports progress and stops on an abort. */
export class Pace {
  private readonly context: JobContext;
  private total: number;
  private done = 0;
  private last = performance.now();

  constructor(context: JobContext, total: number) {
    this.context = context;
    this.total = total;
  }

  /** So many more steps will come. */
  expect(steps: number): void {
    this.total += steps;
  }

  /** @throws CancelledError after an abort */
  async step(note: string, by = 1): Promise<void> {
    this.done += by;
    if (this.context.signal.aborted) throw new CancelledError();
    const now = performance.now();
    if (now - this.last < 50) return;
    this.last = now;
    this.context.progress.report(this.done, this.total, note);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
