import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import createXxhash from 'xxhash-wasm';

const xxhash = await createXxhash();

/** XXH64 of bytes: for integrity of our own files and for keys, not against an adversary. */
export function xxh64(bytes: Uint8Array, seed = 0n): bigint {
  return xxhash.h64Raw(bytes, seed);
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

const READ_BYTES = 1 << 19;
/** Buffers between two files: a new one for each read, as streams have it, costs a collection of garbage every few. */
const idle: Buffer[] = [];
const MOST_IDLE = 8;

/** SHA-256 of bytes [start, end) of a file. While some are digested the next ones are read. */
export async function sha256File(path: string, start = 0, end = Infinity): Promise<string> {
  const hash = createHash('sha256');
  if (end <= start) return hash.digest('hex');
  const handle = await open(path);
  const buffers = [idle.pop(), idle.pop()].map((buffer) => buffer ?? Buffer.allocUnsafeSlow(READ_BYTES));
  try {
    const read = (turn: number, at: number) =>
      handle.read(buffers[turn & 1]!, 0, Math.min(READ_BYTES, end - at), at);
    let reading = read(0, start);
    for (let turn = 0, at = start; ; turn++) {
      const { bytesRead, buffer } = await reading;
      if (bytesRead === 0) break;
      at += bytesRead;
      if (at < end) reading = read(turn + 1, at);
      hash.update(buffer.subarray(0, bytesRead));
      if (at >= end) break;
    }
  } finally {
    await handle.close();
    if (idle.length < MOST_IDLE) idle.push(...buffers);
  }
  return hash.digest('hex');
}

/** JSON with sorted keys: the same value gives the same text. `undefined` members are left out. */
export function canonicalJson(value: unknown): string {
  // A sorted copy and a plain `stringify` take half the time of a replacer, which is called for every member.
  return JSON.stringify(withSortedKeys(value));
}

function withSortedKeys(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withSortedKeys);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return withSortedKeys(toJSON.call(value, ''));
  const keys = Object.keys(value).sort();
  // In a literal, that name would set the prototype.
  const sorted = (keys.includes('__proto__') ? Object.create(null) : {}) as Record<string, unknown>;
  for (const key of keys) sorted[key] = withSortedKeys((value as Record<string, unknown>)[key]);
  return sorted;
}

export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** `digestOf` of an array whose members are canonical JSON already. */
export function digestOfTexts(members: readonly string[]): string {
  return sha256(`[${members.join(',')}]`);
}
