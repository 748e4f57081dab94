// What the benchmarks share: a Python environment for peers under .venv, and the median.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The Python of .venv/NAME with these packages, made on the first call; undefined where it cannot be had. */
export function peerPython(name, packages) {
  const folder = join('.venv', name);
  const python = join(folder, 'bin/python');
  if (existsSync(python)) return python;
  try {
    execFileSync('python3', ['-m', 'venv', folder]);
    execFileSync(join(folder, 'bin/pip'), ['install', '-q', ...packages]);
    return python;
  } catch {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
}

/** What the tokenize benchmarks and the interop suite hold tokenizers against. */
export function tokenizePython() {
  return peerPython('tokenize', [
    'tiktoken==0.14.0',
    'tokenizers==0.23.3',
    'transformers==5.24.0',
    'datatrove==0.10.1',
    'orjson',
    'numpy',
  ]);
}

export function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
