import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ConfigurationError } from '../core/errors.ts';
import { ensureFolder, fileSize, writeFileAtomic } from '../core/files.ts';
import { type AnyStep, isStep } from '../core/step.ts';

const INDEX = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/index.js' : '../index.js', import.meta.url),
);

/**
 * Bundles a user's module (TypeScript or JavaScript, with what it imports) and loads its default export, a step made
 * by `defineJudge` or `defineStage`. The bundle's name carries its digest, so a changed filter is another file and
 * another fingerprint. `provender` itself is not bundled: the step and the runner share one copy of it.
 */
export async function loadUserModule(path: string): Promise<{ step: AnyStep; use: string }> {
  const use = path.endsWith('.bundle.mjs') ? path : await bundle(path);
  const module = (await import(pathToFileURL(use).href)) as { default?: unknown };
  if (!isStep(module.default)) {
    throw new ConfigurationError('a module for `use` exports a step as its default', {
      file: path,
      expected: 'export default defineJudge({...}) or defineStage({...})',
      found: typeof module.default,
    });
  }
  return { step: { ...module.default, module: pathToFileURL(use).href }, use };
}

async function bundle(path: string): Promise<string> {
  let text: string;
  let map: string;
  const folder = join(dirname(path), '.provender');
  try {
    const { build } = await import('esbuild');
    const result = await build({
      entryPoints: [path],
      // Paths in the bundle's comments are relative to it: the digest must not depend on where the command runs.
      absWorkingDir: dirname(path),
      bundle: true,
      write: false,
      // Beside the bundle and unnamed in it: what only moves lines is no other step.
      sourcemap: 'external',
      outfile: join(folder, 'bundle.mjs'),
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
      plugins: [
        {
          name: 'provender',
          setup(setup) {
            setup.onResolve({ filter: /^provender$/ }, () => ({
              path: pathToFileURL(INDEX).href,
              external: true,
            }));
          },
        },
      ],
    });
    const textOf = (end: string) => result.outputFiles.find((file) => file.path.endsWith(end))!.text;
    text = textOf('.mjs');
    map = textOf('.map');
  } catch (error) {
    throw new ConfigurationError('cannot load the module', {
      file: path,
      found: (error as Error).message,
      cause: error,
    });
  }
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
  // Beside the module, where its own dependencies resolve; a dot keeps it out of sight.
  await ensureFolder(folder);
  const target = join(folder, `${digest}.bundle.mjs`);
  await writeFileAtomic(`${target}.map`, map);
  // Another run may be importing it.
  if ((await fileSize(target)) === undefined) await writeFileAtomic(target, text);
  return target;
}
