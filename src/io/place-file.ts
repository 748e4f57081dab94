import { copyFile, link, open, rename, rm } from 'node:fs/promises';
import { classifySystemError } from '../core/errors.ts';
import { temporaryName } from '../core/files.ts';

/** The same file under another name: a hard link, or a synced copy where the disk is another. */
export async function placeFile(from: string, to: string): Promise<void> {
  const temporary = temporaryName(to);
  try {
    try {
      await link(from, temporary);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(code)) throw error;
      await copyFile(from, temporary);
      const handle = await open(temporary, 'r');
      await handle.sync().finally(() => handle.close());
    }
    await rename(temporary, to);
    // Where both names were the same file already, `rename` does nothing and leaves both.
    await rm(temporary, { force: true });
  } catch (error) {
    await rm(temporary, { force: true });
    throw classifySystemError(error, { file: to });
  }
}
