import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { readOptions, readStep } from '../../src/io/steps/read.ts';

/** Texts by where they come from; a set whose files are not on this machine is left out. */
export interface TextSet {
  readonly name: string;
  readonly texts: readonly string[];
}

/**
 * HTML of Debian's documentation packages: `apt-get download git-doc linux-doc-6.1 postgresql-doc-15 python3.11-doc
 * python-django-doc sqlite3-doc` (bookworm), then `dpkg-deb -x` of each.
 */
const HTML_FOLDER = process.env.QUALITY_HTML ?? '.venv/quality-html';
const WEB = '../shared/data/web/pages.warc.gz';
const CRAWL = '../shared/data/jsonl/cc_en_head-0091.jsonl.gz';
/** A longer text says nothing more of a rule, and takes datatrove seconds. */
const MOST_UNITS = 10_000;

async function textsOf(input: object): Promise<string[]> {
  const options = readOptions.parse({ inputs: [input], onInvalidUtf8: 'replace' });
  const signal = new AbortController().signal;
  const texts: string[] = [];
  const context = { reject: () => {}, consumed: () => {}, signal, batchBytes: 1 << 20, batchDocuments: 512 };
  for (const file of await readStep.source.list(options, { baseFolder: '.', signal })) {
    for await (const { batch } of readStep.source.read(
      { ...file, start: 0, end: file.size },
      undefined,
      context,
    ))
      for (let i = 0; i < batch.length; i++) texts.push(batch.text(i).slice(0, MOST_UNITS));
  }
  return texts;
}

const SETS: Readonly<Record<string, { readonly needs: readonly string[]; texts(): Promise<string[]> }>> = {
  web: {
    needs: [WEB, CRAWL],
    texts: async () => [
      ...(await textsOf({ files: resolve(WEB) })),
      ...(await textsOf({ files: resolve(CRAWL) })),
    ],
  },
  mail: { needs: [], texts: () => textsOf({ corpus: 'spam-assassin' }) },
  html: { needs: [HTML_FOLDER], texts: () => textsOf({ files: [`${resolve(HTML_FOLDER)}/**/*.html`] }) },
};

/** The names of all sets: the 516 web documents, 6,046 real mails, and HTML pages of documentation. */
export const SET_NAMES: readonly string[] = Object.keys(SETS);

export async function realTexts(names: readonly string[]): Promise<TextSet[]> {
  const sets: TextSet[] = [];
  for (const name of names) {
    const { needs, texts } = SETS[name]!;
    if (needs.every((path) => existsSync(path))) sets.push({ name, texts: await texts() });
  }
  return sets;
}
