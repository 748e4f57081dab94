import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../../core/errors.ts';
import { filesEndingIn, type ImportedDocument, type ImportSource, splitsByName } from './source.ts';
import { openEach } from './token-file.ts';

/** `*.npy` of raw tokens, and `.csv.gz` beside it with start, end, id, source and place of each document. */
export function* importDolma({ folder, tokenWidth }: ImportSource): Generator<ImportedDocument> {
  const names = filesEndingIn(folder, '.npy');
  const splitOf = splitsByName(names);
  for (const name of names) {
    const table = join(folder, name.replace(/\.npy$/, '.csv.gz'));
    const rows = csvRows(gunzipSync(readFileSync(table)).toString('utf8'));
    for (const { file } of openEach(folder, [name], tokenWidth)) {
      for (const [record, row] of rows.entries()) {
        const [start, end] = [Number(row[0]), Number(row[1])];
        if (row.length < 4 || !Number.isInteger(start) || !Number.isInteger(end)) {
          throw new InputError('not a row of a document', {
            ...{ file: table, record, expected: 'start, end, id, source, place', found: row.join(',') },
          });
        }
        const tokens = file.read(start, end);
        const range = [file.offset(start), file.offset(end)] as const;
        yield { split: splitOf(name), id: row[2]!, source: row[3]!, range, tokens };
      }
    }
  }
}

/** Rows of a CSV as Python's csv writes it (RFC 4180): fields may be quoted, and then hold commas and line breaks. */
export function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  const field = /("(?:[^"]|"")*"|[^,\r\n]*)(,|\r\n|\n|\r|$)/y;
  let row: string[] = [];
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    // A quote inside an unquoted field: taken as it stands.
    if (!match) throw new InputError('not a CSV', { offset: row.length, found: text.slice(0, 80) });
    const value = match[1]!;
    row.push(value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value);
    if (match[2] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}
