import { decodeCharset } from '../charset.ts';
import { htmlToText } from '../html-text.ts';
import { decodeWords, type Headers, parseHeaders, parseParameters } from './headers.ts';
import { decodeTransfer } from './transfer.ts';

const MAX_DEPTH = 16;
const MAX_PARTS = 1000;

export interface MailMessage {
  /** The readable text, or undefined where the message has none (attachments only). */
  readonly text: string | undefined;
  readonly subject?: string;
  /** ISO 8601, UTC. */
  readonly date?: string;
  readonly from?: string;
  readonly list?: string;
  readonly messageId?: string;
  /** Key of the conversation: the subject without `Re:` and list tags; without a subject, the first message's id. */
  readonly thread?: string;
  /** Whether the text was made from HTML. */
  readonly html: boolean;
}

interface Found {
  readonly text: string;
  readonly html: boolean;
}

/** Counts parts over the whole message, so that neither depth nor breadth can be made to cost without end. */
interface Budget {
  parts: number;
}

const first = (headers: Headers, name: string): string | undefined => headers.fields.get(name)?.[0];

/** A mail (RFC 5322, MIME as of RFC 2045 to 2047) as text. Undefined where the bytes have no header at all. */
export function parseMail(bytes: Buffer): MailMessage | undefined {
  const headers = parseHeaders(bytes);
  if (headers.fields.size === 0) return undefined;
  const found = textOf(headers, bytes.subarray(headers.bodyStart), 0, { parts: 0 });
  const word = (name: string) => {
    const value = first(headers, name);
    return value === undefined ? undefined : decodeWords(value).trim() || undefined;
  };
  const subject = word('subject');
  const list = listOf(headers, subject);
  const messageId = /<([^<>\s]+)>/.exec(first(headers, 'message-id') ?? '')?.[1];
  return {
    text: found?.text,
    html: found?.html ?? false,
    subject,
    date: parseMailDate(first(headers, 'date') ?? ''),
    from: word('from'),
    list,
    messageId,
    thread: threadOf(headers, subject, messageId),
  };
}

function textOf(headers: Headers, body: Buffer, depth: number, budget: Budget): Found | undefined {
  if (depth > MAX_DEPTH || ++budget.parts > MAX_PARTS) return undefined;
  const { value: type, parameters } = parseParameters(first(headers, 'content-type') ?? 'text/plain');
  if (type.startsWith('multipart/')) {
    const boundary = parameters.get('boundary');
    // Without a boundary nobody can tell the parts: the body is read as it stands.
    if (boundary) return multipartText(type, body, boundary, depth, budget);
  }
  const disposition = parseParameters(first(headers, 'content-disposition') ?? 'inline').value;
  if (disposition === 'attachment') return undefined;
  const content = decodeTransfer(body, first(headers, 'content-transfer-encoding'));
  if (type === 'message/rfc822') {
    const inner = parseHeaders(content);
    return textOf(inner, content.subarray(inner.bodyStart), depth + 1, budget);
  }
  const charset = parameters.get('charset');
  if (type === 'text/html' || type === 'application/xhtml+xml')
    return found(htmlToText(decodeCharset(content, charset)), true);
  // `text` alone, `text/plain`, enriched and the like; also the broken types of old mailers.
  if (type === '' || type === 'text' || /^(text|multipart)\//.test(type) || !type.includes('/'))
    return found(tidy(decodeCharset(content, charset)), false);
  return undefined;
}

function found(text: string, html: boolean): Found | undefined {
  return text === '' ? undefined : { text, html };
}

/** Line ends as \n, no byte order mark, no NUL, no white space at the ends of the text. */
function tidy(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replaceAll('\0', '')
    .replace(/^\n+|\s+$/g, '');
}

/** `alternative`: the plain part if it has text, else the last that has. Others: all texts, one after the other. */
function multipartText(
  type: string,
  body: Buffer,
  boundary: string,
  depth: number,
  budget: Budget,
): Found | undefined {
  const texts: Found[] = [];
  for (const part of splitParts(body, boundary)) {
    const headers = parseHeaders(part);
    const text = textOf(headers, part.subarray(headers.bodyStart), depth + 1, budget);
    if (text) texts.push(text);
    if (budget.parts > MAX_PARTS) break;
  }
  if (texts.length === 0) return undefined;
  if (type === 'multipart/alternative') return texts.find((text) => !text.html) ?? texts.at(-1);
  return { text: texts.map((one) => one.text).join('\n\n'), html: texts.every((one) => one.html) };
}

/** The parts between boundary lines (RFC 2046, 5.1.1). A missing last boundary ends with the message. */
export function splitParts(body: Buffer, boundary: string): Buffer[] {
  const mark = Buffer.from(`--${boundary}`, 'latin1');
  const parts: Buffer[] = [];
  let open = -1;
  for (let at = body.indexOf(mark); at >= 0; at = body.indexOf(mark, at + mark.length)) {
    if (at > 0 && body[at - 1] !== 0x0a) continue;
    const newline = body.indexOf(0x0a, at);
    const rest = body.toString('latin1', at + mark.length, newline < 0 ? body.length : newline).trimEnd();
    if (rest !== '' && rest !== '--') continue;
    if (open >= 0) {
      const crlf = at >= 2 && body[at - 2] === 0x0d ? 2 : 1;
      parts.push(body.subarray(open, Math.max(open, at - crlf)));
    }
    open = rest === '--' || newline < 0 ? -1 : newline + 1;
    if (open < 0) break;
  }
  if (open >= 0) parts.push(body.subarray(open));
  return parts;
}

function listOf(headers: Headers, subject: string | undefined): string | undefined {
  const id = first(headers, 'list-id') ?? first(headers, 'x-mailing-list');
  const named = id === undefined ? undefined : (/<([^<>]+)>/.exec(id)?.[1] ?? id);
  if (named) return named.trim().toLowerCase();
  const post = /<mailto:([^<>?]+)/i.exec(first(headers, 'list-post') ?? '')?.[1];
  if (post) return post.trim().toLowerCase().replace('@', '.');
  return /^(?:\s*(?:re|fwd?)\s*:\s*)*\[([^\]]{1,40})\]/i.exec(subject ?? '')?.[1]?.toLowerCase();
}

function threadOf(headers: Headers, subject: string | undefined, id: string | undefined): string | undefined {
  let plain = subject?.toLowerCase() ?? '';
  for (let before = ''; before !== plain; ) {
    before = plain;
    plain = plain.replace(/^\s*(?:(?:re|fwd?|aw|sv|antw)\s*(?:\[\d+\])?\s*:|\[[^\]]{1,40}\])\s*/, '');
  }
  plain = plain.replace(/\s+/g, ' ').trim().slice(0, 200);
  if (plain !== '') return plain;
  const references = first(headers, 'references') ?? first(headers, 'in-reply-to') ?? '';
  return /<([^<>\s]+)>/.exec(references)?.[1] ?? id;
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
/** RFC 5322, 4.3: the zones that have names. */
const ZONES: Readonly<Record<string, number>> = {
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
};

/** A mail's date (RFC 5322, 3.3 and 4.3) in ISO 8601, UTC; undefined where it is none. A missing zone counts as UTC. */
export function parseMailDate(value: string): string | undefined {
  const match =
    /(\d{1,2})[ -]+([a-z]{3})[a-z]*[ -]+(\d{2,4})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([+-]\d{4}|[a-z]{3})?/i.exec(
      value,
    );
  if (!match) return undefined;
  const [, day, monthName, yearText, hour, minute, second = '0', zone = ''] = match;
  const month = MONTHS.indexOf(monthName!.toLowerCase());
  if (month < 0) return undefined;
  const short = Number(yearText);
  const year = yearText!.length >= 4 ? short : short < 50 ? 2000 + short : 1900 + short;
  const offset = /^[+-]/.test(zone)
    ? (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3)))
    : (ZONES[zone.toLowerCase()] ?? 0) * 60;
  const time =
    Date.UTC(year, month, Number(day), Number(hour), Number(minute), Number(second)) - offset * 60_000;
  return Number.isNaN(time) || Number(day) > 31 || Number(hour) > 24
    ? undefined
    : new Date(time).toISOString();
}
