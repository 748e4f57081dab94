/**
 * The safetensors format: a u64 with the length of a JSON header, the header, then the tensors' raw little-endian
 * values without gaps. https://github.com/huggingface/safetensors#format
 */

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { classifySystemError, IntegrityError } from '../../core/errors.ts';
import { FileWriter, removeIfThere } from '../../core/files.ts';
import type { NamedArray } from '../session.ts';

/** Bytes a value takes, of the types that are read. Halves are widened to float32, doubles and int64 are refused. */
const READ_SIZES = { F32: 4, I32: 4, F16: 2, BF16: 2 } as const;
type ReadType = keyof typeof READ_SIZES;

/** The reference reader's own limit. */
const HEADER_LIMIT = 100_000_000;
/** Keeps tensor data aligned to its largest value. */
const ALIGNMENT = 8;
/** One read call cannot pass 2 GiB. */
const READ_CHUNK = 64 << 20;

export interface TensorPlace {
  readonly type: string;
  readonly shape: readonly number[];
  /** Half-open byte range from the end of the header. */
  readonly start: number;
  readonly end: number;
}

export interface WrittenFile {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Writes tensors, sorted by name, so that the same tensors give the same file. The file is synced, not renamed:
 * that is the caller's part. Throws a ResourceError where the disk is full; the half file is then gone.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedArray>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<WrittenFile> {
  const names = [...tensors.keys()].sort();
  const header = headerBytes(names, tensors, metadata);
  const hash = createHash('sha256');
  const writer = new FileWriter(path);
  const add = (bytes: Uint8Array) => {
    hash.update(bytes);
    writer.add(bytes);
  };
  try {
    add(header);
    for (const name of names) {
      const { data } = tensors.get(name)!;
      add(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    writer.finish();
  } catch (error) {
    await removeIfThere(path);
    throw error;
  }
  return { bytes: writer.size, sha256: hash.digest('hex') };
}

function headerBytes(
  names: readonly string[],
  tensors: ReadonlyMap<string, NamedArray>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) entries.__metadata__ = metadata;
  let at = 0;
  for (const name of names) {
    const { shape, data } = tensors.get(name)!;
    const count = shape.reduce((product, size) => product * size, 1);
    if (count !== data.length) {
      throw new IntegrityError(`tensor ${name} does not fill its shape`, {
        expected: `${count} values for [${shape}]`,
        found: `${data.length}`,
      });
    }
    const type = data instanceof Float32Array ? 'F32' : 'I32';
    entries[name] = { dtype: type, shape, data_offsets: [at, at + data.byteLength] };
    at += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(entries));
  const length = Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT - 8;
  const header = Buffer.alloc(8 + length, ' ');
  header.writeBigUInt64LE(BigInt(length));
  json.copy(header, 8);
  return header;
}

/** A safetensors file opened for reading. Its header was checked against its size; values are read on demand. */
export class SafetensorsFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorPlace>;
  readonly metadata: Readonly<Record<string, string>>;
  private readonly handle: FileHandle;
  private readonly dataStart: number;

  private constructor(path: string, handle: FileHandle, header: Header, dataStart: number) {
    this.path = path;
    this.handle = handle;
    this.tensors = header.tensors;
    this.metadata = header.metadata;
    this.dataStart = dataStart;
  }

  /** Throws an IntegrityError where header and size do not fit together. */
  static async open(path: string): Promise<SafetensorsFile> {
    const handle = await open(path, 'r').catch((error: unknown) => {
      throw classifySystemError(error, { file: path });
    });
    try {
      const { size } = await handle.stat();
      const length = size < 8 ? Number.NaN : Number((await readAt(handle, path, 0, 8)).readBigUInt64LE());
      if (!(length <= HEADER_LIMIT && 8 + length <= size)) {
        throw new IntegrityError('not a safetensors file, or cut off', {
          file: path,
          expected: 'a header that fits',
          found: `${length} bytes of header in ${size} bytes`,
        });
      }
      const header = parseHeader(path, (await readAt(handle, path, 8, length)).toString('utf8'));
      if (8 + length + header.dataBytes !== size) {
        throw new IntegrityError('cut off or overlong', {
          file: path,
          expected: `${8 + length + header.dataBytes} bytes`,
          found: `${size}`,
        });
      }
      return new SafetensorsFile(path, handle, header, 8 + length);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** One tensor, its values copied. Half-precision values are widened. */
  async read(name: string): Promise<NamedArray> {
    const place = this.tensors.get(name);
    if (place === undefined) {
      throw new IntegrityError(`no tensor ${name}`, { file: this.path });
    }
    const bytes = await readAt(this.handle, this.path, this.dataStart + place.start, place.end - place.start);
    return { shape: place.shape, data: toValues(this.path, name, place.type, bytes) };
  }

  async readAll(): Promise<Map<string, NamedArray>> {
    const all = new Map<string, NamedArray>();
    for (const name of this.tensors.keys()) all.set(name, await this.read(name));
    return all;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

/** All tensors of a file. */
export async function readSafetensors(path: string): Promise<Map<string, NamedArray>> {
  const file = await SafetensorsFile.open(path);
  try {
    return await file.readAll();
  } finally {
    await file.close();
  }
}

interface Header {
  readonly tensors: Map<string, TensorPlace>;
  readonly metadata: Record<string, string>;
  readonly dataBytes: number;
}

function parseHeader(path: string, text: string): Header {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new IntegrityError('damaged safetensors header', { file: path, offset: 8, cause: error });
  }
  const { __metadata__: metadata, ...entries } = (parsed ?? {}) as Record<string, Record<string, unknown>>;
  const tensors = new Map<string, TensorPlace>();
  for (const [name, entry] of Object.entries(entries)) tensors.set(name, checkedPlace(path, name, entry));
  let end = 0;
  for (const [name, place] of [...tensors].sort(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (place.start !== end) {
      throw new IntegrityError(`tensor ${name} leaves a gap or overlaps`, {
        file: path,
        expected: `a start at ${end}`,
        found: `${place.start}`,
      });
    }
    end = place.end;
  }
  return { tensors, metadata: (metadata ?? {}) as Record<string, string>, dataBytes: end };
}

function checkedPlace(path: string, name: string, entry: Record<string, unknown>): TensorPlace {
  const { dtype: type, shape, data_offsets: offsets } = entry ?? {};
  const isSize = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (
    typeof type !== 'string' ||
    !Array.isArray(shape) ||
    !shape.every(isSize) ||
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every(isSize)
  ) {
    throw new IntegrityError(`damaged entry of tensor ${name}`, { file: path, offset: 8 });
  }
  const [start, end] = offsets as [number, number];
  const count = (shape as number[]).reduce((product, size) => product * size, 1);
  const size = READ_SIZES[type as ReadType];
  if (end < start || (size !== undefined && end - start !== count * size)) {
    throw new IntegrityError(`tensor ${name} does not fill its shape`, {
      file: path,
      expected: `${count} values of ${type}`,
      found: `${end - start} bytes`,
    });
  }
  return { type, shape: shape as number[], start, end };
}

function toValues(path: string, name: string, type: string, bytes: Buffer): Float32Array | Int32Array {
  const { buffer, byteOffset, byteLength } = bytes;
  switch (type as ReadType) {
    case 'F32':
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case 'I32':
      return new Int32Array(buffer, byteOffset, byteLength / 4);
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, byteLength / 2), widenHalf);
    case 'BF16': {
      const bits = Uint32Array.from(
        new Uint16Array(buffer, byteOffset, byteLength / 2),
        (half) => half << 16,
      );
      return new Float32Array(bits.buffer);
    }
    default:
      throw new IntegrityError(`tensor ${name} has a type that is not supported`, {
        file: path,
        expected: Object.keys(READ_SIZES).join(', '),
        found: type,
      });
  }
}

/** IEEE 754 binary16 to a number. */
function widenHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Reads exactly `length` bytes into memory of their own, so that a view of any value type is aligned. */
async function readAt(handle: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(bytes, at, Math.min(READ_CHUNK, length - at), position + at);
    if (bytesRead === 0) throw new IntegrityError('cut off', { file: path, offset: position + at });
    at += bytesRead;
  }
  return bytes;
}
