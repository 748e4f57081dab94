import { readFileSync } from 'node:fs';
import { classifySystemError, IntegrityError } from '../core/errors.ts';

/** What a file of our own begins with: eight characters, then its version as u32. */
export interface Seal {
  readonly magic: string;
  readonly version: number;
  /** Bytes of the whole header. */
  readonly header: number;
}

export interface SealedFile {
  readonly file: Buffer;
  /** @throws IntegrityError always, naming the file */
  readonly fail: (what: string, offset: number, expected: string, found: string) => never;
}

/**
 * The whole file, whose magic and version are right; sizes and digest are the caller's to check.
 * @throws IntegrityError where it is `not` what it should be
 */
export function readSealedFile(path: string, { magic, version, header }: Seal, not: string): SealedFile {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (error) {
    throw classifySystemError(error, { file: path });
  }
  const fail = (what: string, offset: number, expected: string, found: string): never => {
    throw new IntegrityError(what, { file: path, offset, expected, found });
  };
  const found = file.toString('latin1', 0, 8);
  if (file.length < header || found !== magic || file.readUInt32LE(8) !== version)
    fail(not, 0, `${magic} version ${version}`, JSON.stringify(found));
  return { file, fail };
}
