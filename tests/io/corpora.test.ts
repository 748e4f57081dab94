import { describe, expect, it } from 'vitest';
import { corpusDigest, corpusFiles, corpusNames, loadCorpus } from '../../src/io/corpora.ts';
import { put, readAll, temporaryFolder } from './helpers.ts';

const folder = temporaryFolder();

describe('corpus cards', () => {
  it('lists the corpora that come with provender', () => {
    expect(corpusNames()).toEqual(['moby-dick', 'sotu', 'spam-assassin']);
  });

  it.each(corpusNames())('%s is what its card says', async (name) => {
    const corpus = loadCorpus(name, folder);
    const { files, documents, bytes } = corpus.card.counts;
    const found = corpusFiles(corpus);
    expect(corpusDigest(found.folder, found.paths)).toEqual({ digest: corpus.card.digest, bytes });
    expect(found.paths).toHaveLength(files);
    const read = await readAll({ inputs: [{ corpus: name }] }, folder);
    expect(read.documents).toHaveLength(documents);
    expect(read.documents.length + read.rejects.length).toBe(files);
    expect(read.consumed).toBe(bytes);
    expect(new Set(read.documents.map((d) => d.id)).size).toBe(documents);
    expect(new Set(read.documents.map((d) => d.corpus))).toEqual(new Set([name]));
    for (const document of read.documents) expect(document.source.startsWith(`${name}/`)).toBe(true);
  });

  it('tells the year, the name and the party of an address', async () => {
    const { documents } = await readAll({ inputs: [{ corpus: 'sotu' }] }, folder);
    const lincoln = documents.filter((d) => d.metadata.name === 'Abraham Lincoln');
    expect(lincoln.map((d) => d.metadata.year)).toEqual([1861, 1862, 1863, 1864]);
    expect(lincoln[2]!.metadata).toEqual({ year: 1863, name: 'Abraham Lincoln', party: 'Republican' });
  });

  it('keeps chapters in the order of the book, nine in a group', async () => {
    const { documents } = await readAll({ inputs: [{ corpus: 'moby-dick' }] }, folder);
    expect(documents.map((d) => d.metadata.chapter ?? d.metadata.part)).toEqual([
      'etymology',
      'extracts',
      ...Array.from({ length: 135 }, (_, i) => i + 1),
      'epilogue',
    ]);
    expect(documents[2]!.text.startsWith('CHAPTER 1. Loomings.\n\nCall me Ishmael.')).toBe(true);
    const sizes = new Map<string | undefined, number>();
    for (const { group } of documents) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    expect([...sizes.values()]).toEqual([...new Array(15).fill(9), 3]);
  });

  it('reads the folders that are asked for, and groups a thread', async () => {
    const { documents } = await readAll(
      { inputs: [{ corpus: 'spam-assassin', folders: ['easy-ham-1', 'hard-ham-1'] }] },
      folder,
    );
    const counts: Record<string, number> = {};
    for (const { metadata } of documents)
      counts[String(metadata.folder)] = (counts[String(metadata.folder)] ?? 0) + 1;
    expect(Object.keys(counts)).toEqual(['easy-ham-1', 'hard-ham-1']);
    expect(counts['easy-ham-1']).toBeGreaterThan(2490);
    expect(new Set(documents.map((d) => d.metadata.kind))).toEqual(new Set(['ham']));
    const thread = documents.filter((d) => /New Sequences Window/.test(String(d.metadata.subject)));
    expect(thread.length).toBeGreaterThan(3);
    expect(new Set(thread.map((d) => d.group)).size).toBe(1);
  });

  it('says what is wrong with a name, a folder, a card and a package', async () => {
    await expect(readAll({ inputs: [{ corpus: 'nope' }] }, folder)).rejects.toThrow(
      "no corpus 'nope'; expected one of moby-dick, sotu, spam-assassin",
    );
    await expect(readAll({ inputs: [{ corpus: 'sotu', folders: ['x'] }] }, folder)).rejects.toThrow(
      "has no folder 'x'",
    );
    put(folder, 'bad.yaml', 'title: x\nfils: [a]\n');
    await expect(readAll({ inputs: [{ corpus: './bad.yaml' }] }, folder)).rejects.toThrow(
      /Unrecognized key: "fils"/,
    );
    put(
      folder,
      'gone.yaml',
      `title: gone
origin: nowhere
licence: none
package: no-such-package-of-provender
version: 1.2.3
files: ['*.txt']
format: text
digest: ''
counts: { files: 1, documents: 1, bytes: 1 }
`,
    );
    await expect(readAll({ inputs: [{ corpus: './gone.yaml' }] }, folder)).rejects.toThrow(
      'npm install --ignore-scripts no-such-package-of-provender@1.2.3',
    );
  });
});
