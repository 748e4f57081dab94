import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/core/errors.ts';
import { ensureFolder } from '../../src/core/files.ts';

const BUILT = new URL('../../dist/core/files.js', import.meta.url).href;

describe('a folder that is made', () => {
  const root = mkdtempSync(join(tmpdir(), 'provender-files-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('gets what is missing on the way to it, by however many at once', async () => {
    const path = join(root, 'a/b/c/d');
    const made = await Promise.all(Array.from({ length: 20 }, () => ensureFolder(path)));
    expect(made).toEqual(Array.from({ length: 20 }, () => path));
    expect(statSync(path).isDirectory()).toBe(true);
    expect(await ensureFolder(path)).toBe(path);
    symlinkSync(join(root, 'a'), join(root, 'link'));
    await ensureFolder(join(root, 'link/e'));
    expect(existsSync(join(root, 'a/e'))).toBe(true);
  });

  it('is refused where a file lies, there or on the way', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'));
    for (const path of [file, join(file, 'x'), join(file, 'x/y'), join(root, 'dangling')]) {
      const refused = ensureFolder(path);
      await expect(refused).rejects.toThrow(ConfigurationError);
      await expect(refused).rejects.toThrow(`${path}: a file lies here or on the way`);
    }
  });

  // In a process of its own: Node's own recursive mkdir would never end there.
  it.runIf(existsSync('/proc/self'))('is refused, and soon, where the file system makes none', () => {
    const code = `import { ensureFolder } from ${JSON.stringify(BUILT)};
await ensureFolder('/proc/provender/runs/x').catch((error) => console.log(error.name, error.message));`;
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      timeout: 10_000,
      killSignal: 'SIGKILL',
      encoding: 'utf8',
    });
    expect(signal).toBeNull();
    expect(stdout).toBe('ConfigurationError /proc/provender/runs/x: no folder can be made in /proc\n');
  });
});
