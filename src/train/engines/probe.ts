/**
 * Tries a device in a process of its own: a driver that is broken may crash, or never answer, and takes nothing with
 * it but that process.
 */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { missingCuda } from './onnx/cuda-files.ts';
import type { Device, EngineKind } from './options.ts';
import { tidyReason } from './probe-reason.ts';
import { missingTensorFlow, type TensorFlowDevice } from './tensorflow/packages.ts';

export interface Attempt {
  readonly kind: EngineKind;
  readonly device: Device;
  readonly threads?: number | undefined;
}

export type Probe =
  /** `gigaflops`: what a chain of matrix products came to, in 10^9 operations a second. */
  { readonly works: true; readonly gigaflops: number } | { readonly works: false; readonly reason: string };

/** Processes run built code: from src (in tests) that of dist. */
const PROCESS = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../../../dist/train/engines/probe-process.js' : './probe-process.js',
    import.meta.url,
  ),
);
const TIMEOUT_MS = 30_000;

const known = new Map<string, Promise<Probe> | Probe>();

/** Each device is tried once in the life of a process. */
export async function probe(attempt: Attempt): Promise<Probe> {
  const key = JSON.stringify(attempt);
  const absent = missing(attempt);
  const made = known.get(key) ?? (absent === undefined ? probeWith(PROCESS, attempt) : failed(absent));
  known.set(key, made);
  return made;
}

/** What is seen to be missing without trying. */
function missing({ kind, device }: Attempt): string | undefined {
  if (kind === 'tensorflow') return missingTensorFlow(device as TensorFlowDevice);
  return kind === 'onnx' && device === 'cuda' ? missingCuda() : undefined;
}

/** As `probe`, by a given program and anew. */
export function probeWith(program: string, attempt: Attempt, timeout = TIMEOUT_MS): Promise<Probe> {
  return new Promise((resolve) => {
    // Node's own flags are not handed on: an inspector's port is taken.
    const argv = [program, JSON.stringify(attempt)];
    execFile(process.execPath, argv, { timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      const answer = parseAnswer(stdout);
      if (answer?.works && error === null) resolve(answer);
      else if (error?.killed) resolve(failed(`gave no answer in ${timeout / 1000} s`));
      else if (answer?.works === false) resolve(failed(tidyReason(answer.reason, stderr)));
      else if (error?.signal) resolve(failed(tidyReason(`crashed (${error.signal})`, stderr)));
      else resolve(failed(tidyReason(`ended with code ${error?.code ?? 0}`, stderr)));
    });
  });
}

function failed(reason: string): Probe {
  return { works: false, reason };
}

function parseAnswer(stdout: string): Probe | undefined {
  try {
    return JSON.parse(stdout.slice(stdout.lastIndexOf('{'))) as Probe;
  } catch {
    return undefined;
  }
}
