/** Loads TensorFlow.js: its own CPU backend, or TensorFlow's library on a GPU. */

import { ResourceError } from '../../../core/errors.ts';
import type { Tf } from './operations.ts';
import {
  CPU_PACKAGES,
  GPU_COMMAND,
  GPU_NEEDS,
  GPU_PACKAGE,
  missingTensorFlow,
  type TensorFlowDevice,
} from './packages.ts';

/** Throws a ResourceError that says what is missing, with the command that adds it. */
export async function loadTensorFlow(device: TensorFlowDevice): Promise<Tf> {
  const missing = missingTensorFlow(device);
  if (missing !== undefined) throw new ResourceError(missing);
  return device === 'cpu' ? loadCpu() : loadGpu();
}

async function loadCpu(): Promise<Tf> {
  const [core, backend] = CPU_PACKAGES;
  const tf = await importPackage(core);
  // Without it a banner is printed, and every shape is checked a second time.
  tf.enableProdMode();
  await importPackage(backend);
  await tf.setBackend('cpu');
  return tf;
}

async function loadGpu(): Promise<Tf> {
  const tf = await importGpuPackage();
  // Where TensorFlow finds no GPU it goes on on the CPU without a word.
  const backend = tf.backend() as { readonly isUsingGpuDevice?: boolean };
  if (backend.isUsingGpuDevice !== true) {
    throw new ResourceError(`TensorFlow found no GPU, or not its libraries (needs ${GPU_NEEDS})`);
  }
  return tf;
}

/**
 * By a name that is no literal: the fingerprint of a step has the versions of the packages that its code imports,
 * and adding an optional one is no reason to train a model of another engine again.
 */
async function importPackage(name: string): Promise<Tf> {
  const loaded = (await import(name)) as { readonly default: Tf };
  return loaded.default;
}

async function importGpuPackage(): Promise<Tf> {
  try {
    return await importPackage(GPU_PACKAGE);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split('\n', 1)[0]!.trim() : String(cause);
    throw new ResourceError(`${GPU_PACKAGE} cannot be loaded (${said}): ${GPU_COMMAND}`, { cause });
  }
}
