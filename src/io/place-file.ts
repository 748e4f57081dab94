import { copyFile, link, open, rename, rm } from 'node:fs/promises';
import { classifySystemError } from '../core/errors.ts';
import { temporaryName } from '../core/files.ts';

/** The same file under another name: a hard link, or a synced copy where the disk is another. True for a link. */
export async function placeFile(from: string, to: string): Promise<boolean> {
  const temporary = temporaryName(to);
  let linked = true;
  try {
    try {
      await link(from, temporary);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(code)) throw error;
      linked = false;
      await copyFile(from, temporary);
      const handle = await open(temporary, 'r');
      await handle.sync().finally(() => handle.close());
    }
    await rename(temporary, to);
    // Where both names were the same file already, `rename` does nothing and leaves both.
    await rm(temporary, { force: true });
    return linked;
  } catch (error) {
    await rm(temporary, { force: true });
    throw classifySystemError(error, { file: to });
  }
}
