import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/core/random.ts';
import type { MinhashPreview } from '../../src/dedup/preview.ts';
import { Shell } from './command.ts';

const shell = new Shell();

beforeAll(() => {
  const random = new Random('preview command');
  const texts = Array.from({ length: 60 }, () =>
    Array.from({ length: 120 }, () => `w${random.below(1e6)}`).join(' '),
  );
  // A copy of every second text, and one that would be markup and control characters.
  texts.push(...texts.filter((_, i) => i % 2 === 0), `<script>alert(1)</script>\u001b[31m ${texts[1]}`);
  const lines = texts.map((text, i) => JSON.stringify({ id: `d${i}`, text }));
  writeFileSync(join(shell.folder, 'texts.jsonl'), lines.join('\n'));
});
afterAll(() => shell.remove());

describe('provender dedup preview', () => {
  it('prints the curve, what is found and what a run takes, and draws a page that runs nothing of the texts', async () => {
    const { code, stdout } = await shell.run(
      'dedup',
      'preview',
      'texts.jsonl',
      '--out',
      'p.html',
      '--documents',
      '20000000',
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^sample +91 documents of 91; 0 without a signature$/m);
    expect(stdout).toMatch(/^0\.95 - 1\.00 +31 +31 +100\.0 % /m);
    expect(stdout).toMatch(/31 in the sample share a band; .* 100\.0 % \(precision before verification\)/);
    expect(stdout).toMatch(/for 20,000,000 documents.*\n +disk .* more for a while; memory /);
    expect(stdout).not.toContain('\u001b[31m');
    const page = readFileSync(join(shell.folder, 'p.html'), 'utf8');
    expect(page).toContain('edited copies');
    expect(page).not.toContain('<script>alert');
    expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  });

  it('samples by a seed, and gives everything as JSON', async () => {
    const preview = async (...args: string[]): Promise<MinhashPreview & { names: string[] }> => {
      const { code, stdout } = await shell.run(
        'dedup',
        'preview',
        'texts.jsonl',
        '--json',
        '-n',
        '20',
        ...args,
      );
      expect(code).toBe(0);
      return JSON.parse(stdout) as MinhashPreview & { names: string[] };
    };
    const one = await preview();
    expect(one.names).toHaveLength(20);
    expect(one.forecast.documents).toBe(91);
    expect((await preview()).names).toEqual(one.names);
    const other = await preview('--seed', '2', '-s', 'threshold=0.9', '-s', 'permutations=64');
    expect(other.names).not.toEqual(one.names);
    expect(other.bands * other.rows).toBeLessThanOrEqual(64);
    expect(other.minJaccard).toBe(0.9);
  });

  it('refuses options that the step does not have, and files that are not there', async () => {
    expect(await shell.run('dedup', 'preview', 'texts.jsonl', '-s', 'band=3')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('band'),
    });
    expect((await shell.run('dedup', 'preview', 'none.jsonl')).code).not.toBe(0);
  });
});
