import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import createXxhash from 'xxhash-wasm';

const xxhash = await createXxhash();

/** XXH64 of bytes: for integrity of our own files and for keys, not against an adversary. */
export function xxh64(bytes: Uint8Array, seed = 0n): bigint {
  return xxhash.h64Raw(bytes, seed);
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 of bytes [start, end) of a file, in large reads. */
export async function sha256File(path: string, start = 0, end?: number): Promise<string> {
  const hash = createHash('sha256');
  if (end !== undefined && end <= start) return hash.digest('hex');
  const stream = createReadStream(path, {
    start,
    end: end === undefined ? undefined : end - 1,
    highWaterMark: 1 << 20,
  });
  for await (const chunk of stream) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** JSON with sorted keys: the same value gives the same text. `undefined` members are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) => {
    if (member === null || typeof member !== 'object' || Array.isArray(member)) return member;
    const sorted = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(member).sort()) sorted[key] = (member as Record<string, unknown>)[key];
    return sorted;
  });
}

export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value));
}
