import { fileBytes, type Piece } from './file-bytes.ts';
import { gunzipStream } from './gzip.ts';
import { GZIP_MAGIC, MemberFile } from './gzip-members.ts';

/**
 * A gzip file inside a record that did not compress lies in stored blocks, and would look like members of the file;
 * but such a block ends within 65,535 bytes (RFC 1951, 3.2.4), and with it whatever seemed to be sound.
 */
const STORED_BLOCK_BYTES = 65_535;

/** What is searched at once for the beginning of a member. */
const SEARCH_BYTES = 256 * 1024;

/** Half-open range of a member in the file as it lies on the disk. */
export interface MemberPlace {
  readonly start: number;
  readonly end: number;
}

interface SoundMember extends MemberPlace {
  readonly output: Buffer;
}

/**
 * A gzip file of many members, in groups that can be read independently: one begins where a record begins at the
 * front of a member. What is not short and sound, up to the next boundary, is a group as well: a stream reads it.
 */
export class MemberGroups {
  private readonly path: string;
  private readonly size: number;
  private readonly begins: (output: Buffer) => boolean;
  private readonly signal: AbortSignal | undefined;
  private readonly members: MemberFile;
  private last: SoundMember | undefined;

  /** `begins`: whether the bytes that a member gives begin with a record. */
  constructor(path: string, size: number, begins: (output: Buffer) => boolean, signal?: AbortSignal) {
    this.path = path;
    this.size = size;
    this.begins = begins;
    this.signal = signal;
    this.members = new MemberFile(path, size, signal);
  }

  /**
   * The first boundary at or after `from`: a member at whose front a record begins, from which on sound members follow
   * one another farther than a stored block goes, or to the end of the file. Where there is none, the file's size.
   * It depends on the file alone: slices that meet at any byte meet at the same member.
   */
  async boundary(from: number): Promise<number> {
    if (from <= 0) return 0;
    for (let at = from; at < this.size; ) {
      const found = await this.magicFrom(at);
      if (found >= this.size) break;
      const broken = await this.chainBreak(found);
      if (broken === undefined) return found;
      // Every member of a chain that breaks too early has the same break before it.
      at = Math.max(found + 1, broken);
    }
    return this.size;
  }

  /** Where the three bytes that begin a member are next; the file's size without any. */
  private async magicFrom(from: number): Promise<number> {
    const overlap = GZIP_MAGIC.length - 1;
    for (let at = from; at + overlap < this.size; at += SEARCH_BYTES - overlap) {
      const end = Math.min(this.size, at + SEARCH_BYTES);
      for await (const { bytes, disk } of fileBytes(this.path, at, end, this.signal, SEARCH_BYTES)) {
        const found = bytes.indexOf(GZIP_MAGIC);
        if (found >= 0) return disk - bytes.length + found;
      }
    }
    return this.size;
  }

  /** Undefined for a boundary, else the offset from which on another may be. */
  private async chainBreak(start: number): Promise<number | undefined> {
    let at = start;
    while (at - start <= STORED_BLOCK_BYTES) {
      const member = await this.memberAt(at);
      if (!member || (at === start && !this.begins(member.output))) return at;
      at = member.end;
      if (at >= this.size) return undefined;
    }
    return undefined;
  }

  private async memberAt(at: number): Promise<SoundMember | undefined> {
    // Looked at to see where a group ends, and again as the first of the next one.
    if (this.last?.start === at) return this.last;
    const member = await this.members.memberAt(at);
    this.last = member && { start: at, end: at + member.length, output: member.output };
    return this.last;
  }

  /** The group that begins at the member at `at`. Only one may be in use. Its pieces are lent, as of `soundMembers`. */
  group(at: number): MemberGroup {
    return new MemberGroup(at, (group) => this.pieces(group));
  }

  private async *pieces(group: MemberGroup): AsyncGenerator<Piece> {
    let member: SoundMember | undefined = await this.memberAt(group.start);
    if (!member) {
      const end = await this.boundary(group.start + 1);
      group.add(0, { start: group.start, end });
      yield* gunzipStream(this.path, end, group.start, 0, this.signal, group.start);
      return;
    }
    let offset = 0;
    do {
      const { output, start, end }: SoundMember = member;
      group.add(offset, { start, end });
      if (output.length) yield { bytes: output, disk: end };
      offset += output.length;
      member = end < this.size ? await this.memberAt(end) : undefined;
    } while (member && !this.begins(member.output));
  }

  close(): void {
    this.members.close();
  }
}

/** The decompressed bytes of a group, and which member each is of. */
export class MemberGroup {
  readonly start: number;
  readonly pieces: AsyncGenerator<Piece>;
  private readonly members: { readonly offset: number; readonly place: MemberPlace }[] = [];

  constructor(start: number, pieces: (group: MemberGroup) => AsyncGenerator<Piece>) {
    this.start = start;
    this.pieces = pieces(this);
  }

  /** Says that the bytes from `offset` on are of a member. */
  add(offset: number, place: MemberPlace): void {
    this.members.push({ offset, place });
  }

  /** Where the next group begins: only known when the pieces are through. */
  get end(): number {
    return this.members.at(-1)!.place.end;
  }

  /** The member that holds the byte at `offset` of the group. */
  memberOf(offset: number): MemberPlace {
    for (let i = this.members.length - 1; i > 0; i--)
      if (this.members[i]!.offset <= offset) return this.members[i]!.place;
    return this.members[0]?.place ?? { start: this.start, end: this.start };
  }
}
