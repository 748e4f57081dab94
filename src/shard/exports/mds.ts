import { SHARD_SPLITS, type ShardSplit } from '../format.ts';
import type { ExportFolder, ExportOptions, ExportSource } from './source.ts';

/** MosaicML's own default. */
const SIZE_LIMIT = 2 ** 26;

/**
 * MosaicML streaming's MDS, a folder a split: `shard.00000.mds`, ..., `index.json`. A sample is a document with the
 * columns corpus, id, source, tokens; with `windowTokens`, a run of that many tokens, one after the other without
 * overlap, as the only column (the tokens that are left at the end are not exported).
 */
export async function exportMds(
  source: ExportSource,
  out: ExportFolder,
  options: ExportOptions,
): Promise<void> {
  const dtype = source.width === 2 ? 'uint16' : 'uint32';
  for (const split of SHARD_SPLITS) {
    if (source.index.splits[split].documents === 0) continue;
    if (options.windowTokens === undefined) {
      const writer = new MdsWriter(out, split, {
        corpus: 'str',
        id: 'str',
        source: 'str',
        tokens: `ndarray:${dtype}`,
      });
      for (const { document, bytes, tokens } of source.documents(split)) {
        // MDS has no empty arrays.
        if (tokens === 0) continue;
        const { corpus, id, source: from } = document;
        writer.add([utf8(corpus), utf8(id), utf8(from), arrayOf(bytes, tokens)]);
      }
      writer.finish();
    } else {
      const width = options.windowTokens * source.width;
      const encoding = `ndarray:${dtype}:${options.windowTokens}`;
      const writer = new MdsWriter(out, split, { tokens: encoding }, width);
      for (const window of windows(source, split, width)) writer.add([window]);
      writer.finish();
    }
  }
}

function* windows(source: ExportSource, split: ShardSplit, bytes: number): Generator<Uint8Array> {
  let window = new Uint8Array(bytes);
  let used = 0;
  for (const document of source.documents(split)) {
    for (let at = 0; at < document.bytes.length; ) {
      const n = Math.min(bytes - used, document.bytes.length - at);
      window.set(document.bytes.subarray(at, at + n), used);
      used += n;
      at += n;
      if (used < bytes) continue;
      yield window;
      window = new Uint8Array(bytes);
      used = 0;
    }
  }
}

const utf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** A one-dimensional array: (ndim << 2) | shape code, the length in as few bytes as the code says, the values. */
function arrayOf(bytes: Uint8Array, length: number): Uint8Array {
  const code = length < 2 ** 8 ? 0 : length < 2 ** 16 ? 1 : 2;
  const head = Buffer.alloc(1 + 2 ** code);
  head[0] = (1 << 2) | code;
  head.writeUIntLE(length, 1, 2 ** code);
  return Buffer.concat([head, bytes]);
}

/** JSON as Python's json.dumps writes it, keys sorted. Values here are plain ASCII. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}: ${pythonJson(member)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

class MdsWriter {
  private readonly out: ExportFolder;
  private readonly folder: string;
  private readonly config: Readonly<Record<string, unknown>>;
  private readonly configBytes: Uint8Array;
  private readonly fixed: number | undefined;
  private readonly shards: unknown[] = [];
  private samples: Uint8Array[] = [];
  private size: number;

  /** `fixed` is the size in bytes of the columns, where it is fixed. */
  constructor(out: ExportFolder, folder: string, columns: Record<string, string>, fixed?: number) {
    this.out = out;
    this.folder = folder;
    this.fixed = fixed;
    const names = Object.keys(columns).sort();
    this.config = {
      column_encodings: names.map((name) => columns[name]),
      column_names: names,
      column_sizes: names.map(() => fixed ?? null),
      compression: null,
      format: 'mds',
      hashes: [],
      size_limit: SIZE_LIMIT,
      version: 2,
    };
    this.configBytes = utf8(pythonJson(this.config));
    this.size = 8 + this.configBytes.length;
  }

  /** One datum a column, columns in order of their names. */
  add(data: Uint8Array[]): void {
    const head =
      this.fixed === undefined ? Uint32Array.from(data, (datum) => datum.length) : new Uint32Array(0);
    const sample = Buffer.concat([new Uint8Array(head.buffer), ...data]);
    // A shard counts 8 bytes of its own and 4 for each sample's offset.
    if (this.samples.length > 0 && this.size + sample.length + 4 > SIZE_LIMIT) this.flush();
    this.samples.push(sample);
    this.size += sample.length + 4;
  }

  finish(): void {
    if (this.samples.length > 0) this.flush();
    this.out.write(`${this.folder}/index.json`, pythonJson({ shards: this.shards, version: 2 }));
  }

  private flush(): void {
    const { samples, configBytes } = this;
    const head = new Uint32Array(samples.length + 2);
    head[0] = samples.length;
    head[1] = head.byteLength + configBytes.length;
    samples.forEach((sample, i) => {
      head[i + 2] = head[i + 1]! + sample.length;
    });
    const basename = `shard.${String(this.shards.length).padStart(5, '0')}.mds`;
    const file = this.out.create(`${this.folder}/${basename}`);
    file.add(new Uint8Array(head.buffer));
    file.add(configBytes);
    for (const sample of samples) file.add(sample);
    const bytes = file.size;
    file.finish();
    this.shards.push({
      ...this.config,
      raw_data: { basename, bytes, hashes: {} },
      samples: samples.length,
      zip_data: null,
    });
    this.samples = [];
    this.size = 8 + configBytes.length;
  }
}
