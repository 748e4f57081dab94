// Compiles every AssemblyScript file in src/kernels/assembly whose name does not start with "_" to dist/kernels/NAME.wasm.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sources = join(root, 'src/kernels/assembly');
const output = join(root, 'dist/kernels');
mkdirSync(output, { recursive: true });

const files = readdirSync(sources).filter((name) => name.endsWith('.ts') && !name.startsWith('_'));
const newestSource = Math.max(
  0,
  ...readdirSync(sources).map((name) => statSync(join(sources, name)).mtimeMs),
);
for (const file of files) {
  const target = join(output, `${basename(file, '.ts')}.wasm`);
  const built = statSync(target, { throwIfNoEntry: false });
  if (built && built.mtimeMs > newestSource) continue;
  const { error, stderr } = await asc.main([
    join(sources, file),
    '--outFile',
    target,
    '--optimizeLevel',
    '3',
    '--shrinkLevel',
    '0',
    '--noAssert',
    '--enable',
    'simd',
    '--runtime',
    'stub',
    '--importMemory',
    '--maximumMemory',
    '65536',
    // What callers lay out begins at 4096 or above (src/dedup/growing-kernel.ts).
    '--lowMemoryLimit',
    '4096',
  ]);
  if (error) {
    process.stderr.write(stderr.toString());
    throw error;
  }
}
