import type { ResourceError } from '../core/errors.ts';
import { requireFree } from '../core/files.ts';

const INTERVAL_MS = 2000;

/** Looks at the free disk while a run goes on, and stops it before the disk is full: what is committed stays whole. */
export class DiskGuard {
  private readonly timer: NodeJS.Timeout;
  /** Why the run was stopped. */
  shortage: ResourceError | undefined;

  constructor(folder: string, minFreeBytes: number, stop: () => void, intervalMs = INTERVAL_MS) {
    this.timer = setInterval(() => {
      requireFree(folder, minFreeBytes).catch((error: ResourceError) => {
        this.shortage ??= error;
        stop();
      });
    }, intervalMs);
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }
}
