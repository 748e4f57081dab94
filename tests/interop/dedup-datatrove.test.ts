import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ClusterReader } from '../../src/dedup/cluster-file.ts';
import { minhashDedup } from '../../src/dedup/minhash-dedup.ts';
import { minhashDedupOptions, resolveMinhash } from '../../src/dedup/minhash-options.ts';
import { Signer } from '../../src/dedup/signer.ts';
import { document, runBarrier, scratch } from '../dedup/harness.ts';
import { oddDocuments, realDocuments } from './dedup-corpus.ts';

/** A Python with `pip install datatrove spacy 'xxhash<4' tokenizers`; tried with datatrove 0.10.1 and spaCy 3.8.18. */
const PYTHON = process.env.DATATROVE_PYTHON ?? 'python3';
const isThere = spawnSync(PYTHON, ['-c', 'import datatrove, spacy, xxhash, tokenizers']).status === 0;
const SCRIPT = fileURLToPath(new URL('dedup-datatrove.py', import.meta.url));

function datatrove<T>(command: string, texts: readonly string[], env: Record<string, string> = {}): T {
  const folder = scratch();
  const lines = texts.map((text) => `${JSON.stringify(text)}\n`).join('');
  writeFileSync(join(folder, 'documents.jsonl'), lines);
  execFileSync(PYTHON, [SCRIPT, command, folder], { env: { ...process.env, ...env }, stdio: 'pipe' });
  return JSON.parse(readFileSync(join(folder, `${command}.json`), 'utf8')) as T;
}

const short = (text: string): string => JSON.stringify(text.slice(0, 200));

describe.skipIf(!isThere)(
  'datatrove from PyPI (skipped: set DATATROVE_PYTHON to a Python that has it)',
  () => {
    it.each([
      ['datatrove', 'xxhash', 64],
      ['datatrove', 'xxhash', 32],
      ['fineweb', 'sha1', 64],
      ['fineweb', 'sha1', 32],
    ])(
      'gives the signatures of %s, %s in %i bits',
      (preset, hash, bits) => {
        const texts = [...oddDocuments(), ...(hash === 'xxhash' && bits === 64 ? realDocuments() : [])];
        const expected = datatrove<{ signature: string[] | null }[]>('signatures', texts, {
          HASH: hash,
          BITS: String(bits),
        });
        const signer = new Signer(resolveMinhash(minhashDedupOptions.parse({ preset, bits })));
        const differing = texts.filter((text, i) => {
          const signed = signer.sign(new TextEncoder().encode(text));
          const ours = signed ? [...signer.minima].map(String) : null;
          return JSON.stringify(ours) !== JSON.stringify(expected[i]!.signature);
        });
        expect(differing.map(short)).toEqual([]);
      },
      600_000,
    );

    it('gives the same clusters', async () => {
      const texts = realDocuments(1500);
      const pairs = datatrove<[number, number][]>('clusters', texts);
      const theirs = new Map<number, number[]>();
      for (const [doc, cluster] of pairs) theirs.set(cluster, [...(theirs.get(cluster) ?? []), doc]);
      const { folder, summary } = await runBarrier(
        minhashDedup.barrier,
        minhashDedupOptions.parse({ preset: 'datatrove' }),
        [texts.slice(0, 700), texts.slice(700)].map((part, p) =>
          part.map((text, i) => document(`${p}-${i}`, text)),
        ),
      );
      const ours = new Map<number, number[]>();
      const clusters = new ClusterReader(folder);
      for (const { cluster, document: doc } of clusters)
        ours.set(cluster, [...(ours.get(cluster) ?? []), doc]);
      clusters.close();
      const listed = (map: Map<number, number[]>): string[] =>
        [...map.values()].map((members) => members.sort((a, b) => a - b).join(' ')).sort();
      expect(listed(ours)).toEqual(listed(theirs));
      expect(summary.clusters).toBe(theirs.size);
      expect(theirs.size).toBeGreaterThan(50);
    }, 600_000);
  },
);
