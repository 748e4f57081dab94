import type { Json } from '../../core/document.ts';
import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { parseMail } from '../../ingest/mail/message.ts';
import { BadRecord } from '../fields.ts';
import type { Position, Reading } from './reader.ts';
import { readWhole } from './whole.ts';

/** One mail a file. Quoted replies and signatures stay: they are for filters and deduplication to judge. */
export function readMail(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const { corpus, source, threads } = reading.spec;
  return readWhole(reading, from, (bytes) => {
    const mail = parseMail(bytes);
    const file = reading.slice.path;
    if (!mail)
      throw new BadRecord(
        'no-mail-headers',
        new InputError('not a mail', { file, offset: 0, expected: 'header fields', found: 'none' }),
      );
    const { text, subject, date, from: sender, list, messageId, html, thread } = mail;
    if (text === undefined)
      throw new BadRecord(
        'missing-text',
        new InputError('no text in the mail', { file, expected: 'a part of type text', found: 'none' }),
      );
    const metadata: Record<string, Json> = { html };
    for (const [key, value] of Object.entries({ subject, date, from: sender, list, messageId }))
      if (value !== undefined) metadata[key] = value;
    const group = threads && thread !== undefined ? `${corpus}/thread:${thread}` : undefined;
    return { id: source, corpus, source, start: 0, end: bytes.length, text, group, metadata };
  });
}
