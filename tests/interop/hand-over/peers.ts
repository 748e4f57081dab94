import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { peerPython } from '../../bench/peers.mjs';

const PACKAGES = ['torch==2.13.0', 'transformers==5.24.0', 'safetensors==0.8.0', 'numpy'];

/** A Python with `transformers`; PROVENDER_HAND_OVER_PYTHON names one that is there already. */
export const python = process.env.PROVENDER_HAND_OVER_PYTHON ?? peerPython('hand-over', PACKAGES);

/** Carries out jobs of peer.py in one process; gives their results. */
export function jobs<T extends unknown[]>(list: readonly ({ job: string } & Record<string, unknown>)[]): T {
  const script = new URL('./peer.py', import.meta.url).pathname;
  const stdout = execFileSync(python!, [script], {
    input: JSON.stringify(list),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, HF_HUB_OFFLINE: '1', TOKENIZERS_PARALLELISM: 'false' },
  });
  return JSON.parse(stdout) as T;
}

const JAVASCRIPT = '@huggingface/transformers@4.3.2';

/** The folder whose node_modules has transformers.js, made under .venv on the first call; undefined where it cannot be had. */
export function transformersJs(): string | undefined {
  const folder = resolve('.venv/transformers-js');
  if (existsSync(join(folder, 'node_modules/@huggingface/transformers/package.json'))) return folder;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
    execFileSync('npm', ['install', ...flags, JAVASCRIPT], { cwd: folder, stdio: 'ignore' });
    return folder;
  } catch {
    return undefined;
  }
}
