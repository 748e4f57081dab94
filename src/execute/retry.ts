import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError, ProvenderError } from '../core/errors.ts';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/** Tries again after errors that may pass, at most `retries` times, waiting twice as long each time; an abort ends the wait. */
export async function withRetries<T>(
  retries: number,
  work: () => Promise<T>,
  { signal, say }: { signal?: AbortSignal; say?(line: string): void },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ProvenderError && error.retryable) || attempt > retries) throw error;
      say?.(`${error.message}; trying again (${attempt} of ${retries})`);
      await sleep(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)), undefined, { signal }).catch(
        () => {
          throw new CancelledError();
        },
      );
    }
  }
}
