import { InputError } from '../../core/errors.ts';
import type { ReadItem } from '../../core/stage.ts';
import { BadRecord } from '../fields.ts';
import { fileHead } from '../file-bytes.ts';
import { documentOfMail } from './mail.ts';
import type { Position, Reading } from './reader.ts';
import { readSeparated } from './separated.ts';

/** What parts two mails: an empty line, and a line that begins with "From " (RFC 4155). */
export const MBOX_SEPARATOR = '\n\nFrom ';
const MBOX_SEPARATOR_CRLF = '\r\n\r\nFrom ';

/** The mails of an mbox file. Lines that were quoted as ">From " are what they were. */
export function readMbox(reading: Reading, from: Position | undefined): AsyncIterable<ReadItem> {
  const separator = hasCrlf(reading.slice.path) ? MBOX_SEPARATOR_CRLF : MBOX_SEPARATOR;
  const { source, corpus } = reading.spec;
  return readSeparated(
    reading,
    from,
    Buffer.from(separator),
    (bytes, start, end, record) => {
      const place = reading.place(start, record);
      if (start === 0 && bytes.toString('latin1', 0, 5) !== 'From ')
        throw new BadRecord(
          'not-mbox',
          new InputError('no mbox', {
            ...place,
            expected: '"From " at the beginning',
            found: JSON.stringify(bytes.toString('latin1', 0, 20)),
          }),
        );
      // The rest of the "From " line: an address and a date that the mail's own fields say better.
      const headers = bytes.indexOf(0x0a) + 1;
      const mail = unquote(bytes.subarray(headers));
      const document = documentOfMail(mail, reading, place);
      // Not its Message-ID: archives hold some mails twice.
      return { ...document, id: `${source}#${start}`, corpus, source, start, end };
    },
    true,
  );
}

/** Whether the file's first line ends in CR LF. */
function hasCrlf(path: string): boolean {
  const head = fileHead(path, 1024);
  const newline = head.indexOf(0x0a);
  return newline > 0 && head[newline - 1] === 0x0d;
}

/** mboxrd: one ">" less before every "From " at the beginning of a line. */
function unquote(mail: Buffer): Buffer {
  if (!mail.includes('\n>')) return mail;
  return Buffer.from(mail.toString('latin1').replace(/^>(>*From )/gm, '$1'), 'latin1');
}
