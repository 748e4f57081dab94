import type { Task } from './frontier.ts';
import type { CrawlOptions } from './options.ts';

interface Queued {
  readonly task: Task;
  readonly attempt: number;
}

interface Host {
  readonly name: string;
  readonly queue: Queued[];
  /** How many of the queue are gone: shifting an array of a million is slow. */
  taken: number;
  active: number;
  /** Not before this time (`performance.now()`). */
  nextAt: number;
  delayMs: number;
  /** Waits in the line of hosts, or for its timer. */
  waiting: boolean;
}

/**
 * Who is asked when: each host at most `hostConcurrency` times at once and with `delay` between two requests, all hosts
 * together at most `concurrency` times at once, in the order in which their turns come.
 */
export class Hosts {
  readonly #options: CrawlOptions;
  readonly #signal: AbortSignal;
  /** How many pages may still come: none, and nothing more begins. */
  readonly #room: () => number;
  /** Gives milliseconds where the task is to be tried again after them. */
  readonly #visit: (task: Task, attempt: number) => Promise<number | undefined>;
  readonly #hosts = new Map<string, Host>();
  readonly #line: Host[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #active = 0;
  /** Tasks that are queued, under way or waiting to be tried again. */
  #open = 0;
  #stopped = false;
  #wake: (() => void) | undefined;
  #failure: unknown;

  constructor(
    options: CrawlOptions,
    signal: AbortSignal,
    room: () => number,
    visit: (task: Task, attempt: number) => Promise<number | undefined>,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#room = room;
    this.#visit = visit;
    signal.addEventListener('abort', () => this.stop(), { once: true });
  }

  get active(): number {
    return this.#active;
  }

  add(task: Task, attempt = 0): void {
    this.#open++;
    const host = this.#hostOf(new URL(task.url).host);
    host.queue.push({ task, attempt });
    this.#enqueue(host);
  }

  /** Seconds between two requests to a host, where they are more than the options say; cut to `maxCrawlDelay`. */
  setDelay(name: string, seconds: number): void {
    const host = this.#hostOf(name);
    host.delayMs = Math.max(host.delayMs, Math.min(seconds, this.#options.maxCrawlDelay) * 1000);
  }

  /** Begins nothing more; what is under way ends. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#check();
  }

  /** Until nothing is left, or it was stopped and nothing is under way. Throws what a visit threw. */
  async idle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#failure !== undefined && !this.#signal.aborted) throw this.#failure;
  }

  get #isIdle(): boolean {
    return this.#active === 0 && (this.#open === 0 || this.#stopped);
  }

  #check(): void {
    if (this.#isIdle) this.#wake?.();
  }

  #hostOf(name: string): Host {
    let host = this.#hosts.get(name);
    if (!host) {
      const delayMs = this.#options.delay * 1000;
      host = { name, queue: [], taken: 0, active: 0, nextAt: 0, delayMs, waiting: false };
      this.#hosts.set(name, host);
    }
    return host;
  }

  /** Puts a host into the line as soon as it may be asked, if it has something to be asked. */
  #enqueue(host: Host): void {
    if (host.waiting || this.#stopped) return;
    if (host.taken === host.queue.length || host.active >= this.#options.hostConcurrency) return;
    host.waiting = true;
    const wait = host.nextAt - performance.now();
    if (wait <= 0) {
      this.#line.push(host);
      this.#pump();
    } else
      this.#after(wait, () => {
        this.#line.push(host);
        this.#pump();
      });
  }

  #after(milliseconds: number, then: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, milliseconds);
    this.#timers.add(timer);
  }

  #pump(): void {
    if (this.#room() <= 0) this.stop();
    while (this.#active < Math.min(this.#options.concurrency, this.#room()) && !this.#stopped) {
      const host = this.#line.shift();
      if (!host) return;
      host.waiting = false;
      const next = host.queue[host.taken++];
      if (host.taken > 1024 && host.taken * 2 > host.queue.length) {
        host.queue.splice(0, host.taken);
        host.taken = 0;
      }
      if (!next) continue;
      host.active++;
      host.nextAt = performance.now() + host.delayMs;
      this.#active++;
      void this.#run(host, next);
      this.#enqueue(host);
    }
  }

  async #run(host: Host, { task, attempt }: Queued): Promise<void> {
    try {
      const again = await this.#visit(task, attempt);
      this.#open--;
      if (again !== undefined && !this.#stopped) {
        this.#open++;
        // A server that asks for time gets it for all its pages.
        host.nextAt = Math.max(host.nextAt, performance.now() + again);
        this.#after(again, () => {
          this.#open--;
          this.add(task, attempt + 1);
        });
      }
    } catch (error) {
      this.#open--;
      this.#failure ??= error;
      this.stop();
    } finally {
      // Asked one at a time, a slow server gets its rest after the answer.
      if (this.#options.hostConcurrency === 1)
        host.nextAt = Math.max(host.nextAt, performance.now() + host.delayMs);
      host.active--;
      this.#active--;
      this.#enqueue(host);
      this.#pump();
      this.#check();
    }
  }
}
