import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { kernelsIn } from '../../src/core/code-hash.ts';

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));

function sources(): string[] {
  const names = readdirSync(SOURCES, { recursive: true }) as string[];
  return names.filter((name) => name.endsWith('.ts') && !name.startsWith(join('kernels', 'assembly')));
}

it('sees every kernel where it is loaded, so that another kernel is another fingerprint', () => {
  const kernels = readdirSync(join(SOURCES, 'kernels/assembly'))
    .filter((name) => !name.startsWith('_') && name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => name.replace(/\.ts$/, ''));
  const seen = new Set(sources().flatMap((name) => kernelsIn(readFileSync(join(SOURCES, name), 'utf8'))));
  expect(kernels.length).toBeGreaterThan(5);
  expect([...seen].sort()).toEqual(kernels.sort());
});
