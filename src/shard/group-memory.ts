import type { BlockFileWriter } from './block-writer.ts';
import { IndexStage, STAGE_DOCUMENTS, stageBytes } from './index-stage.ts';
import { DigestBuffers, WRITER_BUFFERS, WRITER_BYTES, type WriterBuffers } from './kernel.ts';
import type { SideFile } from './side-file.ts';

/** Words of an entry: addresses of a document's side record and body, which of the sides it is from, and the address of the source of its extent's first document. */
export const ENTRY_WORDS = 4;

/** What a side file's numbers stand for in the shards. */
export interface SideNames {
  /** Index of its corpus -> index in the shards' corpora. */
  readonly corpusOf: readonly number[];
  /** Shape of a document's signals -> column or -1 of each. */
  readonly columnsOf: readonly (readonly number[])[];
}

/** The columns of a side file's shapes in shards with these signals. */
export function columnsOf({ footer }: SideFile, signals: readonly string[]): number[][] {
  return footer.shapes.map((shape) => shape.map((i) => signals.indexOf(footer.signals[i]!)));
}

export interface GroupRoom {
  /** Groups that are held at a time, and the bytes and documents of the largest. */
  readonly groups: number;
  readonly bytes: number;
  readonly documents: number;
  /** Bytes of the tables of names. */
  readonly names: number;
  /** Columns of signals. */
  readonly columns: number;
}

/** Bytes that the tables of these sides' names take. */
export function nameBytes(sides: readonly SideFile[]): number {
  const words = ({ footer: { corpora, shapes } }: SideFile): number =>
    2 + corpora.length + shapes.reduce((sum, { length }) => sum + 2 + length, 0);
  return sides.reduce((sum, side) => sum + 4 * words(side), 0);
}

/**
 * What a thread shuffles in: groups of documents, the buffers of the shard that it writes, and what lies between, all in one
 * memory, so that the kernel takes documents from one to the other without that anything is done for each in JavaScript.
 */
export class GroupMemory {
  readonly groups: readonly Uint8Array[];
  readonly room: GroupRoom;
  /** ENTRY_WORDS for each document of the group at hand, in the order of their keys. */
  readonly entries: Uint32Array;
  readonly stage: IndexStage;
  readonly writerBuffers: WriterBuffers;
  private readonly memory: DigestBuffers;
  private readonly names: Uint32Array;
  /** Where the copying of tokens goes on: entry, byte of its tokens. */
  private readonly state: Uint32Array;
  private known: readonly SideFile[] | undefined;

  constructor(room: GroupRoom) {
    this.room = room;
    const { groups, bytes, documents, names, columns } = room;
    const buffers = Array.from({ length: WRITER_BUFFERS }, () => WRITER_BYTES);
    const rest = [4 * ENTRY_WORDS * documents, names, stageBytes(columns), 8];
    const held = Array.from({ length: groups }, () => bytes);
    // Not the groups last: the kernel may read some bytes past their end.
    this.memory = new DigestBuffers([...buffers, ...held, ...rest]);
    const all = this.memory.buffers;
    this.groups = all.slice(WRITER_BUFFERS, WRITER_BUFFERS + groups);
    const [entries, tables, stage, state] = all.slice(WRITER_BUFFERS + groups);
    this.entries = words(entries!);
    this.names = words(tables!);
    this.state = words(state!);
    this.stage = new IndexStage(stage!, columns);
    const digest = this.memory.digest.bind(this.memory);
    this.writerBuffers = { buffers: all.slice(0, WRITER_BUFFERS), digest };
  }

  holds({ groups, bytes, documents, names, columns }: GroupRoom): boolean {
    const { room } = this;
    return (
      groups <= room.groups &&
      bytes <= room.bytes &&
      documents <= room.documents &&
      names <= room.names &&
      columns === room.columns
    );
  }

  /** XXH64 of each block of a group's bytes. */
  digest(group: Uint8Array, from: number, to: number, blockBytes: number): BigUint64Array {
    return this.memory.digest(group, from, to, blockBytes);
  }

  /** Tells the kernel what the numbers in these sides stand for. */
  name(sides: readonly SideFile[], namesOf: (side: SideFile) => SideNames): void {
    if (this.known === sides) return;
    this.known = sides;
    const { names } = this;
    let at = 2 * sides.length;
    sides.forEach((side, i) => {
      const { corpusOf, columnsOf } = namesOf(side);
      names[2 * i] = names.byteOffset + 4 * at;
      names.set(corpusOf, at);
      at += corpusOf.length;
      names[2 * i + 1] = names.byteOffset + 4 * at;
      let shapes = at;
      at += 2 * columnsOf.length;
      for (const columns of columnsOf) {
        names[shapes++] = names.byteOffset + 4 * at;
        names[shapes++] = columns.length;
        // -1 becomes 2^32 - 1, which the kernel reads as it was.
        names.set(columns, at);
        at += columns.length;
      }
    });
  }

  /** For how many of documents [from, to) the stage has room, at most STAGE_DOCUMENTS. */
  fit(from: number, to: number): number {
    const { entries, stage, memory } = this;
    return memory.kernel.fitDocuments(
      entries.byteOffset,
      from,
      Math.min(to, from + STAGE_DOCUMENTS),
      stage.at,
    );
  }

  /** Puts the index of documents [from, to), which fit it, on the stage. */
  index(from: number, to: number, tokenWidth: number): void {
    const { entries, names, stage, memory } = this;
    memory.kernel.indexDocuments(entries.byteOffset, from, to, names.byteOffset, tokenWidth, stage.at);
  }

  /** Gives the tokens of documents [from, to) to a writer that writes from `writerBuffers`. */
  gather(file: BlockFileWriter, from: number, to: number, tokenWidth: number): void {
    const { entries, state, memory } = this;
    state[0] = from;
    state[1] = 0;
    file.gather((out, end) =>
      memory.kernel.gatherTokens(entries.byteOffset, to, state.byteOffset, out, end, tokenWidth),
    );
  }
}

const words = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint32Array =>
  new Uint32Array(buffer, byteOffset, byteLength >>> 2);
