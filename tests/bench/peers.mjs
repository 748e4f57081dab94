// What the benchmarks share: a Python environment for peers under .venv, and the median.
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The Python of .venv/NAME with these packages, made on the first call; undefined where it cannot be had. `packages`
 * holds the arguments of one `pip install`, or a list of such lists, installed in turn. The folder gets its name when
 * everything is in it: a run beside this one never takes half an environment for a whole one.
 */
export function peerPython(name, packages) {
  const folder = join('.venv', name);
  const python = join(folder, 'bin/python');
  if (existsSync(python)) return python;
  const temporary = `${folder}.${process.pid}`;
  try {
    execFileSync('python3', ['-m', 'venv', temporary], { stdio: 'ignore' });
    for (const list of Array.isArray(packages[0]) ? packages : [packages]) {
      const pip = ['-m', 'pip', 'install', '-qq', '--no-input', ...list];
      execFileSync(join(temporary, 'bin/python'), pip, { stdio: ['ignore', 'ignore', 'inherit'] });
    }
    if (!existsSync(python)) renameSync(temporary, folder);
    return python;
  } catch {
    return undefined;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
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
