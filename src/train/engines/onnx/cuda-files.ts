/** ONNX Runtime's CUDA files, which its npm package leaves out and a command of the user's adds. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

const FILES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** Why CUDA cannot be there, in words that name the command, or undefined where its files are. */
export function missingCuda(
  platform: string = process.platform,
  arch: string = process.arch,
): string | undefined {
  if (platform !== 'linux' || arch !== 'x64') {
    return `onnxruntime-node has CUDA on linux x64 alone, not on ${platform} ${arch}`;
  }
  const packageFolder = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const binaries = join(packageFolder, 'bin/napi-v6', platform, arch);
  const missing = FILES.filter((name) => !existsSync(join(binaries, name)));
  if (missing.length === 0) return undefined;
  // The package's own install script, which `ignore-scripts` keeps from running: it takes them from nuget.org.
  const script = relative(process.cwd(), join(packageFolder, 'script/install.js'));
  return `${missing.join(' and ')} of onnxruntime-node are missing: node ${script} (CUDA 12 and cuDNN 9 must be there too)`;
}
