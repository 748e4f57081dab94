import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { decodeHtml } from '../../../src/ingest/charset.ts';
import { decompressedWindow } from '../../../src/io/compression.ts';
import { parseHttpResponse } from '../../../src/io/warc/http.ts';
import { ArchiveReader } from '../../../src/io/warc/records.ts';

const WEB = join(import.meta.dirname, '../../../../shared/data/web');
export const PAGES = join(WEB, 'pages.warc.gz');
export const hasPages = existsSync(PAGES);

export interface TestPage {
  readonly url: string;
  readonly html: string;
  readonly with: readonly string[];
  readonly without: readonly string[];
}

/** The real pages of shared/data, with the strings that their text must and must not have. */
export async function* testPages(): AsyncGenerator<TestPage> {
  const expected = new Map(
    Object.entries(
      JSON.parse(readFileSync(join(WEB, 'expected.json'), 'utf8')) as Record<
        string,
        { with: string[]; without: string[] }
      >,
    ).map(([url, value]) => [url.trim(), value]),
  );
  const window = decompressedWindow(PAGES, statSync(PAGES).size);
  const reader = new ArchiveReader(window, PAGES, 1 << 28, (error) => {
    throw error;
  });
  for (let record = await reader.next(); record; record = await reader.next()) {
    const { body } = parseHttpResponse(record.content!)!;
    const url = record.headers.get('warc-target-uri')!.trim();
    yield { url, html: decodeHtml(body, undefined, true).text, ...expected.get(url)! };
  }
  await window.close();
}
