/** The packages of TensorFlow.js, all of them optional, and the commands that add them. */

import { createRequire } from 'node:module';

export type TensorFlowDevice = 'cpu' | 'cuda';

export const GPU_PACKAGE = '@tensorflow/tfjs-node-gpu';
export const GPU_NEEDS = 'CUDA 11.2 and cuDNN 8.1, and a Node before 23';
/** The second command alone may run an install script: that of this package downloads libtensorflow 2.9.1. */
export const GPU_COMMAND = `npm install --no-save ${GPU_PACKAGE}@4.22.0 && npm rebuild --ignore-scripts=false ${GPU_PACKAGE}`;

export const CPU_PACKAGES = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu'] as const;
/** From there on Node lacks util.isNullOrUndefined, which tfjs-node 4.22 calls. */
const FIRST_NODE_WITHOUT = 23;

/** Why TensorFlow.js cannot run there, in words that name the command, or undefined where its packages are. */
export function missingTensorFlow(
  device: TensorFlowDevice,
  node: string = process.versions.node,
): string | undefined {
  const { resolve } = createRequire(import.meta.url);
  const absent = (device === 'cpu' ? CPU_PACKAGES : [GPU_PACKAGE]).filter((name) => {
    try {
      return resolve(`${name}/package.json`) === '';
    } catch {
      return true;
    }
  });
  if (device === 'cuda' && Number(node.split('.')[0]) >= FIRST_NODE_WITHOUT) {
    return `${GPU_PACKAGE} does not run on Node ${node}, only before ${FIRST_NODE_WITHOUT}`;
  }
  if (absent.length === 0) return undefined;
  const command =
    device === 'cpu'
      ? `npm install --no-save ${CPU_PACKAGES.map((name) => `${name}@4.22.0`).join(' ')}`
      : `${GPU_COMMAND} (needs ${GPU_NEEDS})`;
  return `${absent.join(' and ')} not installed: ${command}`;
}
