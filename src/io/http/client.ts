import { STATUS_CODES } from 'node:http';
import { Agent, type Dispatcher, interceptors, request } from 'undici';
import { ConfigurationError, type Problem, TransientError } from '../../core/errors.ts';
import { retryAfterOf } from './retry-after.ts';

/** Milliseconds without a connection, a header, or another byte of the body, until a transfer is given up. */
const CONNECT_TIMEOUT = 15_000;
const SILENCE_TIMEOUT = 60_000;
const LONGEST_WAIT = 60_000;

/** Answers that say "not now". */
const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A failure that may pass, and how long the server asked to wait (milliseconds). */
export class TransferError extends TransientError {
  readonly wait: number | undefined;
  constructor(what: string, problem: Problem, wait?: number) {
    super(what, problem);
    this.wait = wait;
  }
}

export interface Answer {
  readonly status: number;
  readonly etag?: string;
  readonly lastModified?: string;
  /** Of the body that follows, as it is sent. */
  readonly length?: number;
  /** Of status 206: where the body begins, and the length of the whole. */
  readonly range?: { readonly start: number; readonly total: number };
  readonly body: Dispatcher.ResponseData['body'];
}

/** GET requests for files: redirects followed, nothing decoded, so that a file is stored as it lies on the server. */
export class HttpClient {
  readonly #agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT },
    headersTimeout: SILENCE_TIMEOUT,
    bodyTimeout: SILENCE_TIMEOUT,
  });
  readonly #dispatcher = this.#agent.compose(interceptors.redirect({ maxRedirections: 10 }));

  /** Throws TransferError where asking again may help, else ConfigurationError; 200, 206, 304 and 416 are answers. */
  async get(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    let response: Dispatcher.ResponseData;
    try {
      response = await request(url, {
        dispatcher: this.#dispatcher,
        headers: { 'user-agent': 'provender/0.1', 'accept-encoding': 'identity', ...headers },
        signal,
      });
    } catch (error) {
      throw unreachable(url, error);
    }
    const { statusCode: status, body } = response;
    const one = (name: string): string | undefined => {
      const value = response.headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    if (![200, 206, 304, 416].includes(status)) {
      discard(body);
      throw statusError(url, status, one('retry-after'));
    }
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(one('content-range') ?? '');
    const length = one('content-length');
    return {
      status,
      etag: one('etag'),
      lastModified: one('last-modified'),
      length: length === undefined ? undefined : Number(length),
      range: range ? { start: Number(range[1]), total: Number(range[2]) } : undefined,
      body,
    };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** Lets go of a body that nobody reads, and of its connection. */
export function discard(body: Answer['body']): void {
  body.on('error', () => {}).destroy();
}

function unreachable(url: string, error: unknown): TransferError {
  const { message, code } = error as NodeJS.ErrnoException;
  const found = message || code || 'no answer';
  return new TransferError('the server cannot be reached', { file: url, found, cause: error });
}

function statusError(url: string, status: number, retryAfter: string | undefined): Error {
  const found = `${status} ${STATUS_CODES[status] ?? ''}`.trim();
  const problem = { file: url, expected: 'status 200', found };
  if (!TRANSIENT_STATUS.has(status)) return new ConfigurationError('cannot be fetched', problem);
  return new TransferError('cannot be fetched', problem, waitOf(retryAfter));
}

function waitOf(value: string | undefined): number | undefined {
  const wait = retryAfterOf(value);
  return wait === undefined ? undefined : Math.min(LONGEST_WAIT, wait);
}
