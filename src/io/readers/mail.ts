import type { Json, NewDocument } from '../../core/document.ts';
import { InputError, type Place } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { parseMail } from '../../ingest/mail/message.ts';
import { BadRecord } from '../fields.ts';
import type { Position, Reading } from './reader.ts';
import { readWhole } from './whole.ts';

/** One mail a file. Quoted replies and signatures stay: they are for filters and deduplication to judge. */
export function readMail(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const { corpus, source } = reading.spec;
  return readWhole(reading, from, (bytes) => {
    const place = { file: reading.slice.path, offset: 0 };
    const document = documentOfMail(bytes, reading, place);
    return { ...document, id: source, corpus, source, start: 0, end: bytes.length };
  });
}

/** Text, thread and fields of a mail (RFC 822, MIME). Throws BadRecord `no-mail-headers`, `missing-text`. */
export function documentOfMail(
  bytes: Buffer,
  reading: Reading,
  place: Place,
): Pick<NewDocument, 'text' | 'group' | 'metadata'> {
  const { corpus, threads } = reading.spec;
  const mail = parseMail(bytes);
  if (!mail)
    throw new BadRecord(
      'no-mail-headers',
      new InputError('not a mail', { ...place, expected: 'header fields', found: 'none' }),
    );
  const { text, subject, date, from: sender, list, messageId, html, thread } = mail;
  if (text === undefined)
    throw new BadRecord(
      'missing-text',
      new InputError('no text in the mail', { ...place, expected: 'a part of type text', found: 'none' }),
    );
  const metadata: Record<string, Json> = { html };
  for (const [key, value] of Object.entries({ subject, date, from: sender, list, messageId }))
    if (value !== undefined) metadata[key] = value;
  const group = threads && thread !== undefined ? `${corpus}/thread:${thread}` : undefined;
  return { text, group, metadata };
}
