import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, sha256 } from './hash.ts';

const IMPORT =
  /(?:^|[\s;}])(?:import|export)\s*(?:[^'";]*?\sfrom\s*)?['"]([^'"\n]+)['"]|\bimport\(\s*['"]([^'"\n]+)['"]\s*\)/g;
const KERNEL = /\bloadKernel(?:<[^(]*>)?\(\s*['"]([\w-]+)['"]/g;
const packageRoot = fileURLToPath(new URL('../../', import.meta.url));
const builtin = new Set(builtinModules);

interface Links {
  readonly digest: string;
  readonly files: readonly string[];
  readonly packages: readonly string[];
}
const links = new Map<string, Links>();

function packageOf(specifier: string): string {
  const [first, second] = specifier.split('/');
  return specifier.startsWith('@') ? `${first}/${second}` : first!;
}

/** Names of the kernels that a module loads: each must stand in full where `loadKernel` is called. */
export function kernelsIn(source: string): string[] {
  return [...source.matchAll(KERNEL)].map(([, name]) => name!);
}

function linksOf(file: string): Links {
  const known = links.get(file);
  if (known) return known;
  const source = readFileSync(file, 'utf8');
  const files: string[] = [];
  const packages: string[] = [];
  for (const match of source.matchAll(IMPORT)) {
    const specifier = (match[1] ?? match[2])!;
    if (specifier.startsWith('.')) files.push(resolve(dirname(file), specifier));
    else if (!specifier.startsWith('node:') && !builtin.has(specifier)) packages.push(packageOf(specifier));
  }
  for (const name of kernelsIn(source)) {
    const kernel = join(packageRoot, 'dist/kernels', `${name}.wasm`);
    if (existsSync(kernel)) files.push(kernel);
  }
  const found = { digest: sha256(source), files, packages };
  links.set(file, found);
  return found;
}

function packageVersion(name: string): string {
  for (let folder = packageRoot; ; folder = dirname(folder)) {
    const manifest = join(folder, 'node_modules', name, 'package.json');
    if (existsSync(manifest))
      return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
    if (dirname(folder) === folder) return 'absent';
  }
}

const hashes = new Map<string, string>();

/**
 * Digest of a module's code: its source, that of everything it imports by a relative path (kernels included), and
 * the versions of the packages it imports. What it hashes is what runs: dist/*.js when built.
 */
export function codeHash(moduleUrl: string): string {
  const entry = moduleUrl.startsWith('file:') ? fileURLToPath(moduleUrl) : moduleUrl;
  const known = hashes.get(entry);
  if (known) return known;
  const seen = new Set<string>();
  const packages = new Set<string>();
  const queue = [entry];
  const digests: string[] = [];
  while (queue.length) {
    const file = queue.pop()!;
    if (seen.has(file)) continue;
    seen.add(file);
    if (file.endsWith('.wasm') || file.endsWith('.json')) {
      digests.push(sha256(readFileSync(file)));
      continue;
    }
    const { digest, files, packages: wanted } = linksOf(file);
    digests.push(digest);
    queue.push(...files);
    for (const name of wanted) packages.add(name);
  }
  const versions = [...packages].sort().map((name) => `${name}@${packageVersion(name)}`);
  const hash = digestOf([digests.sort(), versions]);
  hashes.set(entry, hash);
  return hash;
}
