import { crc32 } from 'node:zlib';
import { ByteWindow } from './byte-window.ts';
import { fileBytes, fileHead, type Piece } from './file-bytes.ts';
import { InflateKernel } from './inflate.ts';

/** A member that is longer, or gives more, is inflated as a stream. */
const MEMBER_BYTES = 4 << 20;
const OUTPUT_BYTES = 32 << 20;
const FIRST_GUESS = 64 * 1024;

/** With the only method that there is (RFC 1952, 2.3.1). */
export const GZIP_MAGIC: Buffer = Buffer.of(0x1f, 0x8b, 8);

/** Length of a gzip header (RFC 1952, 2.3) at the front of `bytes`, or -1 where it is none or not all there. */
function headerLength(bytes: Buffer): number {
  if (bytes.length < 18 || bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return -1;
  const flags = bytes[3]!;
  let at = 10;
  if (flags & 4) at += 2 + bytes.readUInt16LE(at);
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue;
    const zero = bytes.indexOf(0, at);
    if (zero < 0) return -1;
    at = zero + 1;
  }
  if (flags & 2) at += 2;
  return flags & 0xe0 || at > bytes.length ? -1 : at;
}

let kernel: InflateKernel | undefined;

interface Member {
  readonly output: Buffer;
  /** Compressed bytes, header and trailer included. */
  readonly length: number;
}

/** The member at the front of the window: what it gives and its length; undefined where it is not plain and sound. */
function inflateMember(bytes: Buffer): Member | undefined {
  const header = headerLength(bytes);
  if (header < 0) return undefined;
  kernel ??= new InflateKernel(MEMBER_BYTES);
  const inflated = kernel.inflate(bytes.subarray(header, header + MEMBER_BYTES), OUTPUT_BYTES);
  if (typeof inflated === 'string') return undefined;
  const end = header + inflated.length;
  if (end + 8 > bytes.length) return undefined;
  const { bytes: view } = inflated;
  const sound = bytes.readUInt32LE(end) === crc32(view) && bytes.readUInt32LE(end + 4) === view.length >>> 0;
  // The kernel's memory is used again for the next member.
  return sound ? { output: Buffer.from(view), length: end + 8 } : undefined;
}

/** The member at the front of the window, which it leaves there; undefined where it is not short and sound. */
export async function soundMember(window: ByteWindow): Promise<Member | undefined> {
  for (let guess = FIRST_GUESS; guess <= MEMBER_BYTES; guess *= 4) {
    const more = await window.need(guess);
    const member = inflateMember(window.buffer.subarray(0, guess));
    if (member || !more) return member;
  }
  return undefined;
}

/** Whether a gzip file begins with a short and sound member, and another one follows: then it is read by member. */
export function isByMember(path: string): boolean {
  for (let guess = FIRST_GUESS; guess <= MEMBER_BYTES; guess *= 4) {
    const head = fileHead(path, guess);
    const member = inflateMember(head);
    if (member)
      return fileHead(path, member.length + 3)
        .subarray(member.length)
        .equals(GZIP_MAGIC);
    if (head.length < guess) return false;
  }
  return false;
}

/**
 * The members of a gzip file as far as they are short and sound, each in one call: a WARC of one member a record reads
 * twice as fast as through a stream. Returns the compressed offset from which on a stream has to do the rest, with
 * its errors, and how many bytes came before.
 */
export async function* soundMembers(
  path: string,
  size: number,
  signal?: AbortSignal,
): AsyncGenerator<Piece, { from: number; seen: number }> {
  const window = new ByteWindow(fileBytes(path, 0, size, signal));
  let seen = 0;
  try {
    for (;;) {
      const member = await soundMember(window);
      if (!member) return { from: window.offset, seen };
      window.drop(member.length);
      seen += member.output.length;
      if (member.output.length) yield { bytes: member.output, disk: window.offset };
    }
  } finally {
    await window.close();
  }
}
