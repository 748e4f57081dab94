import { Agent, type Dispatcher, request } from 'undici';
import { type Connector, ForbiddenAddressError, type GuardSettings, guardedConnector } from './addresses.ts';
import type { CrawlOptions } from './options.ts';

/** One response as it came, without transfer coding; or why none did. */
export interface Fetched {
  readonly url: string;
  readonly status: number;
  /** As sent, in order. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  /** `length`: cut at maxBytes; `time`: cut at the timeout; `type`: a body of this type was not wanted. */
  readonly cut?: 'length' | 'time' | 'type';
  readonly requestHeaders: readonly (readonly [string, string])[];
  /** The address that answered. */
  readonly address?: string;
  readonly date: Date;
}

export type FailureKind = 'forbidden-address' | 'dns' | 'connect' | 'timeout' | 'protocol';

/** No response. Whether it may help to ask again depends on the kind. */
export class FetchError extends Error {
  readonly kind: FailureKind;
  constructor(kind: FailureKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }

  get retryable(): boolean {
    return this.kind !== 'forbidden-address' && this.kind !== 'dns';
  }
}

export interface Condition {
  readonly etag?: string;
  readonly lastModified?: string;
}

export class Fetcher {
  readonly #options: CrawlOptions;
  readonly #agent: Agent;
  readonly #addresses = new Map<string, string>();

  constructor(options: CrawlOptions, guard: Partial<Pick<GuardSettings, 'resolve' | 'connect'>> = {}) {
    this.#options = options;
    const connectTimeout = options.connectTimeout * 1000;
    const inner = guardedConnector({
      allowPrivate: options.allowPrivateAddresses,
      connectTimeout,
      ...guard,
    });
    const connect: Connector = (target, callback) =>
      inner(target, (...[error, socket]) => {
        if (error) return callback(error, null);
        if (socket.remoteAddress) this.#addresses.set(target.host ?? target.hostname, socket.remoteAddress);
        return callback(null, socket);
      });
    this.#agent = new Agent({
      connect,
      connections: options.hostConcurrency,
      headersTimeout: options.timeout * 1000,
      bodyTimeout: options.timeout * 1000,
      maxHeaderSize: 64 * 1024,
      pipelining: 1,
    });
  }

  async fetch(
    url: string,
    signal: AbortSignal,
    condition: Condition = {},
    anyType = false,
  ): Promise<Fetched> {
    const { userAgent, timeout } = this.#options;
    const requestHeaders: [string, string][] = [
      ['host', new URL(url).host],
      ['user-agent', userAgent],
      ['accept', 'text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.5'],
      ['accept-encoding', 'gzip, deflate, br'],
    ];
    if (condition.etag) requestHeaders.push(['if-none-match', condition.etag]);
    if (condition.lastModified) requestHeaders.push(['if-modified-since', condition.lastModified]);
    const limit = AbortSignal.timeout(timeout * 1000);
    const date = new Date();
    try {
      const response = await request(url, {
        dispatcher: this.#agent,
        headers: requestHeaders.flat(),
        signal: AbortSignal.any([signal, limit]),
        responseHeaders: 'raw',
      });
      const headers = pairsOf(response.headers as unknown as string[]);
      const { body, cut } = await this.#body(response, headers, limit, signal, anyType);
      const address = this.#addresses.get(new URL(url).host);
      return { url, status: response.statusCode, headers, body, cut, requestHeaders, address, date };
    } catch (error) {
      if (signal.aborted) throw error;
      throw classify(error, limit.aborted);
    }
  }

  /** The body up to maxBytes, or up to where the time ran out: a page that drips is kept as far as it came. */
  async #body(
    response: Dispatcher.ResponseData,
    headers: Fetched['headers'],
    limit: AbortSignal,
    signal: AbortSignal,
    anyType: boolean,
  ): Promise<Pick<Fetched, 'body' | 'cut'>> {
    const type = (headerOf(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
    const isPage = response.statusCode >= 200 && response.statusCode < 300;
    if (isPage && !anyType && type && !this.#options.contentTypes.includes(type)) {
      response.body.on('error', () => {}).destroy();
      return { body: Buffer.alloc(0), cut: 'type' };
    }
    const parts: Buffer[] = [];
    let length = 0;
    try {
      for await (const part of response.body) {
        const room = this.#options.maxBytes - length;
        parts.push((part as Buffer).subarray(0, room));
        length += Math.min(room, (part as Buffer).length);
        if ((part as Buffer).length > room) return { body: Buffer.concat(parts), cut: 'length' };
      }
    } catch (error) {
      if (signal.aborted || !limit.aborted) throw error;
      return { body: Buffer.concat(parts), cut: 'time' };
    }
    return { body: Buffer.concat(parts) };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

function pairsOf(raw: readonly (string | Buffer)[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([latin1(raw[i]!), latin1(raw[i + 1]!)]);
  return pairs;
}

function latin1(value: string | Buffer): string {
  return typeof value === 'string' ? value : value.toString('latin1');
}

export function headerOf(headers: Fetched['headers'], name: string): string | undefined {
  return headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

function classify(error: unknown, timedOut: boolean): FetchError {
  const cause = error as NodeJS.ErrnoException & { cause?: unknown };
  const forbidden = [cause, cause.cause].find((one) => one instanceof ForbiddenAddressError);
  if (forbidden) return new FetchError('forbidden-address', (forbidden as Error).message, error);
  const code = cause.code ?? '';
  if (/^(?:ENOTFOUND|EAI_NONAME|EAI_NODATA)$/.test(code)) return new FetchError('dns', cause.message, error);
  if (timedOut || /TIMEOUT|ETIMEDOUT/.test(code)) return new FetchError('timeout', cause.message, error);
  if (
    /^(?:ECONN|EHOST|ENET|EPIPE|EAI_AGAIN|UND_ERR_(?:SOCKET|CONNECT))/.test(code) ||
    code === 'UND_ERR_SOCKET'
  )
    return new FetchError('connect', cause.message, error);
  return new FetchError('protocol', cause.message, error);
}
