import { decodeCharset } from '../charset.ts';
import { decodeBase64, decodeQuotedPrintable } from './transfer.ts';

/** A longer header block is no mail's. */
const MAX_HEADER_BYTES = 1 << 20;

/** The header fields of a message or part (RFC 5322, 2.2): names in lower case, values unfolded. */
export interface Headers {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** Where the body begins. */
  readonly bodyStart: number;
}

const FIELD = /^([!-9;-~]+)[ \t]*:(.*)$/s;

/** Reads fields up to the empty line. A line that is no field ends the headers too: the body begins with it. */
export function parseHeaders(bytes: Buffer, from = 0): Headers {
  const fields = new Map<string, string[]>();
  const limit = Math.min(bytes.length, from + MAX_HEADER_BYTES);
  let at = from;
  let values: string[] | undefined;
  while (at < limit) {
    const newline = bytes.indexOf(0x0a, at);
    const next = newline < 0 ? bytes.length : newline + 1;
    let end = newline < 0 ? next : newline;
    if (end > at && bytes[end - 1] === 0x0d) end--;
    if (end === at) return { fields, bodyStart: next };
    const line = headerText(bytes.subarray(at, end));
    if ((line[0] === ' ' || line[0] === '\t') && values) {
      values[values.length - 1] += ` ${line.trim()}`;
    } else {
      const match = FIELD.exec(line);
      // An mbox's `From ` line, at the very start only.
      if (!match && !(at === from && /^>?From /.test(line))) return { fields, bodyStart: at };
      if (match) {
        const name = match[1]!.toLowerCase();
        values = fields.get(name) ?? [];
        if (values.length === 0) fields.set(name, values);
        values.push(match[2]!.trim());
      }
    }
    at = next;
  }
  return { fields, bodyStart: at };
}

/** Header bytes should be ASCII (RFC 5322) or UTF-8 (RFC 6532); what is neither is taken as windows-1252. */
function headerText(bytes: Buffer): string {
  for (const byte of bytes) if (byte > 0x7e) return decodeCharset(bytes);
  return bytes.toString('latin1');
}

const ENCODED_WORD = /=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?]*)\?=/gi;

/** Decodes RFC 2047's encoded words; white space between two of them vanishes. */
export function decodeWords(value: string): string {
  return value
    .replace(/(=\?[^?\s]+\?[bq]\?[^?]*\?=)\s+(?==\?[^?\s]+\?[bq]\?)/gi, '$1')
    .replace(ENCODED_WORD, (_, charset: string, encoding: string, text: string) => {
      const raw = Buffer.from(text, 'latin1');
      const bytes =
        encoding.toLowerCase() === 'b'
          ? decodeBase64(raw)
          : decodeQuotedPrintable(Buffer.from(text.replaceAll('_', ' '), 'latin1'));
      return decodeCharset(bytes, charset);
    });
}

/** A value with parameters, such as `text/plain; charset="utf-8"` (RFC 2045, 5.1; RFC 2231's `name*` is taken as is). */
export function parseParameters(value: string): { value: string; parameters: ReadonlyMap<string, string> } {
  const parameters = new Map<string, string>();
  const first = value.indexOf(';');
  const head = (first < 0 ? value : value.slice(0, first)).trim().toLowerCase();
  if (first >= 0) {
    const expression = /([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;\s]*))/g;
    for (const match of value.slice(first + 1).matchAll(expression)) {
      const name = match[1]!.toLowerCase();
      if (!parameters.has(name)) parameters.set(name, match[2]?.replace(/\\(.)/g, '$1') ?? match[3] ?? '');
    }
  }
  return { value: head, parameters };
}
