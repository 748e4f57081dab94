import { DocumentColumns } from './document-columns.ts';
import type { MinhashParameters } from './minhash-options.ts';
import { Signer } from './signer.ts';

/** Documents a block: a band's column then has 256 KB, which is what the second phase reads at once. */
export const BLOCK_DOCUMENTS = 1 << 15;
/** What a signer may keep of a long text's room. */
const MOST_IDLE = 64 << 20;

/**
 * A signer and the columns of a block. Parts of a run are small next to both, and a thread signs one after the other: what
 * one part leaves, the next one takes.
 */
export class SignatureBuffers {
  readonly signer: Signer;
  readonly columns = new DocumentColumns(BLOCK_DOCUMENTS);
  /** [bands][BLOCK_DOCUMENTS] keys, two words each. */
  readonly keys: readonly Uint32Array[];
  /** [BLOCK_DOCUMENTS][permutations], where pairs are not verified: sets of shingles tell more. */
  readonly sketches: Uint8Array;

  constructor(parameters: MinhashParameters) {
    this.signer = new Signer(parameters);
    this.keys = Array.from({ length: parameters.bands }, () => new Uint32Array(BLOCK_DOCUMENTS * 2));
    const sketched = parameters.minJaccard === undefined ? BLOCK_DOCUMENTS : 0;
    this.sketches = new Uint8Array(sketched * this.signer.permutations);
  }
}

let idle: { readonly of: string; readonly buffers: SignatureBuffers } | undefined;

export function takeBuffers(parameters: MinhashParameters): SignatureBuffers {
  const of = JSON.stringify(parameters);
  const buffers = idle?.of === of ? idle.buffers : new SignatureBuffers(parameters);
  idle = undefined;
  return buffers;
}

export function giveBack(buffers: SignatureBuffers): void {
  const { signer, columns } = buffers;
  columns.clear();
  if (signer.memoryBytes <= MOST_IDLE) idle = { of: JSON.stringify(signer.parameters), buffers };
}
