/** Why a line is no record of CSV: what was expected, and what was there. */
export interface CsvProblem {
  readonly expected: string;
  readonly found: string;
}

/**
 * The fields of one record of CSV (RFC 4180), its line end left out. A quote inside a field that does not begin with
 * one is a character like any other, as spreadsheets write it.
 */
export function parseCsvFields(record: string, delimiter: string): string[] | CsvProblem {
  if (!record.includes('"')) return record.split(delimiter);
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (record[at] !== '"') {
      const end = record.indexOf(delimiter, at);
      fields.push(end < 0 ? record.slice(at) : record.slice(at, end));
      if (end < 0) return fields;
      at = end + delimiter.length;
      continue;
    }
    let close = record.indexOf('"', at + 1);
    while (close >= 0 && record[close + 1] === '"') close = record.indexOf('"', close + 2);
    if (close < 0) return { expected: 'a quote that ends the field', found: 'the end of the record' };
    fields.push(record.slice(at + 1, close).replaceAll('""', '"'));
    at = close + 1;
    if (at === record.length) return fields;
    if (!record.startsWith(delimiter, at))
      return {
        expected: `${JSON.stringify(delimiter)} or the end of the record after a quoted field`,
        found: JSON.stringify(record.slice(at, at + 20)),
      };
    at += delimiter.length;
  }
}
