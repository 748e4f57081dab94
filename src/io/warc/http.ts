import { brotliDecompressSync, constants, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { parseHeaders } from '../../ingest/mail/headers.ts';

/** An HTTP response (RFC 9112) as it lies in an archive. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
}

/** Takes a response apart; undefined where there is no status line. */
export function parseHttpResponse(bytes: Buffer): HttpResponse | undefined {
  const newline = bytes.indexOf(0x0a);
  const line = bytes.toString('latin1', 0, Math.min(newline < 0 ? bytes.length : newline, 512));
  const status = /^(?:HTTP\/\d(?:\.\d)?|ICY) +(\d{3})/.exec(line)?.[1];
  if (status === undefined || newline < 0) return undefined;
  const { fields, bodyStart } = parseHeaders(bytes, newline + 1);
  return { status: Number(status), headers: fields, body: bytes.subarray(bodyStart) };
}

/**
 * Undoes chunked transfer (RFC 9112, 7.1). Archives often keep the header and store the body without chunks: what
 * does not begin as a chunk is taken as it is, and a cut-off last chunk as far as it goes.
 */
export function unchunk(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const newline = body.indexOf(0x0a, at);
    const line = newline < 0 || newline - at > 1024 ? '' : body.toString('latin1', at, newline);
    const size = /^\s*([0-9a-f]{1,8})\s*(?:;.*)?\r?$/i.exec(line)?.[1];
    if (size === undefined) return parts.length === 0 ? body : Buffer.concat(parts);
    const length = Number.parseInt(size, 16);
    if (length === 0) break;
    const start = newline + 1;
    parts.push(body.subarray(start, start + length));
    at = start + length;
    if (body[at] === 0x0d) at++;
    if (body[at] === 0x0a) at++;
  }
  return Buffer.concat(parts);
}

/** Undoes one content coding; a cut-off one as far as it goes. Throws zlib's error, also past `maxBytes`. */
function decodeOne(body: Buffer, coding: string, maxBytes: number): Buffer {
  const options = { maxOutputLength: maxBytes, finishFlush: constants.Z_SYNC_FLUSH };
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(body, options);
    case 'deflate':
      // Meant is zlib's format, but some servers send it raw (RFC 9110, 8.4.1.2).
      return (body[0]! & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0
        ? inflateSync(body, options)
        : inflateRawSync(body, options);
    case 'br':
      return brotliDecompressSync(body, {
        maxOutputLength: maxBytes,
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
      });
    default:
      return body;
  }
}

/**
 * The body without transfer and content codings. Where a body is not what its header says (archives store it decoded
 * at times), it is taken as it is. Throws where it would grow past `maxBytes`.
 */
export function decodeBody(response: HttpResponse, maxBytes: number): Buffer {
  const list = (name: string) =>
    (response.headers.get(name) ?? [])
      .flatMap((value) => value.toLowerCase().split(','))
      .map((one) => one.trim());
  let { body } = response;
  if (list('transfer-encoding').includes('chunked')) body = unchunk(body);
  for (const coding of list('content-encoding').reverse().slice(0, 4)) {
    if (body.length < 2) break;
    try {
      body = decodeOne(body, coding, maxBytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw error;
      break;
    }
  }
  return body;
}
