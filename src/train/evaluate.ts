/** Held-out loss that can be compared: bits per byte of the raw text, by corpus, beside what gzip -9 needs for it. */

import { ConfigurationError, InvariantError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { CorpusEvaluation, Evaluation } from './checkpoint/receipt.ts';
import type { HeldOutDocument, HeldOutSet } from './held-out.ts';
import { type GroupLoss, predictsHidden } from './loss-groups.ts';
import { maskedLosses } from './masked-loss.ts';
import { pause } from './metrics.ts';
import type { Objective } from './objectives/objective.ts';
import type { ModelSession, NamedArrays } from './session.ts';

export type { CorpusEvaluation, Evaluation } from './checkpoint/receipt.ts';

export interface EvaluateSettings {
  readonly session: Pick<ModelSession, 'loss'>;
  readonly objective: Pick<Objective, 'kind' | 'inputs' | 'inputSpecs' | 'targetPlaces'>;
  readonly heldOut: HeldOutSet;
  /** Tokens that the model sees at once. */
  readonly context: number;
  /** Rows of a batch: any number; that of the training's micro-batch needs no compilation of its own. */
  readonly rows: number;
  /**
   * New targets a window in a document longer than the context: each of them sees at least context - stride tokens
   * before it. Default: half of the context.
   */
  readonly stride?: number;
  /** Ids whose loss is left out: they stand for no byte of the text. */
  readonly specialTokens: ReadonlySet<number>;
  /** Draws the masks of a masked objective; the same for every evaluation. */
  readonly random: Random;
  readonly signal?: AbortSignal;
  /** Called after each batch with the targets scored so far, and how many there are. */
  readonly onProgress?: (tokens: number, total: number) => void;
}

/**
 * Scores every chosen document.
 *
 * Causal models (a prefix model is one whose prefix is `<|endoftext|>`): each token of each document is predicted exactly once, from `<|endoftext|>` and the document's own
 * tokens alone; bits per byte are sum of nats / (ln 2 * UTF-8 bytes). Masked models give no likelihood of the text:
 * their loss per masked token is reported instead, with masks that are the same each time, and marked as not
 * comparable. Throws CancelledError when the signal fires between two batches.
 */
export async function evaluate(settings: EvaluateSettings): Promise<Evaluation> {
  const masked = predictsHidden(settings.objective.kind);
  const losses = masked ? await maskedLosses(settings) : await causalLosses(settings);
  const baseline = await settings.heldOut.baseline();
  const corpora: Record<string, CorpusEvaluation> = {};
  const sum = { documents: 0, bytes: 0, gzipBytes: 0, nats: 0, tokens: 0 };
  let inexactDocuments = 0;
  for (const [corpus, text] of baseline) {
    const { nats, tokens } = losses.get(corpus) ?? { nats: 0, tokens: 0 };
    corpora[corpus] = figures({ ...text, nats, tokens }, masked);
    inexactDocuments += text.inexactDocuments;
    for (const name of ['documents', 'bytes', 'gzipBytes'] as const) sum[name] += text[name];
    sum.nats += nats;
    sum.tokens += tokens;
  }
  return {
    measure: masked ? 'masked-loss' : 'bits-per-byte',
    comparable: !masked && inexactDocuments === 0,
    corpora,
    total: figures(sum, masked),
    inexactDocuments,
  };
}

function figures(
  sum: { documents: number; bytes: number; gzipBytes: number; nats: number; tokens: number },
  masked: boolean,
): CorpusEvaluation {
  const { documents, bytes, tokens, nats, gzipBytes } = sum;
  return {
    documents,
    bytes,
    tokens,
    nats,
    lossPerToken: tokens === 0 ? 0 : nats / tokens,
    bitsPerByte: masked || bytes === 0 ? null : nats / (Math.LN2 * bytes),
    gzipBitsPerByte: bytes === 0 ? 0 : (gzipBytes * 8) / bytes,
  };
}

/** Part of a document that is fed at once; its first `skip` targets were scored by the piece before it. */
interface Piece {
  readonly document: HeldOutDocument;
  /** Input t of the document is `<|endoftext|>` for t = 0, else token t - 1; target t is token t. */
  readonly start: number;
  readonly end: number;
  readonly skip: number;
}

/** Cuts a document into windows so that each target is scored once. */
export function cutDocument(tokens: number, context: number, stride: number): Omit<Piece, 'document'>[] {
  const pieces: Omit<Piece, 'document'>[] = [];
  let scored = 0;
  for (let start = 0; scored < tokens; start += stride) {
    const end = Math.min(start + context, tokens);
    pieces.push({ start, end, skip: scored - start });
    scored = end;
  }
  return pieces;
}

/** Batches of pieces are packed from so many batches' worth, so that rows come out nearly full. */
const PACK_BATCHES = 4;

/**
 * Nats and scored tokens of each chosen document, by corpus and id. Throws ConfigurationError for a masked model,
 * which gives no likelihood of a text.
 */
export async function documentLosses(settings: EvaluateSettings): Promise<Map<string, GroupLoss>> {
  if (predictsHidden(settings.objective.kind))
    throw new ConfigurationError(
      `an objective of kind ${settings.objective.kind} gives no likelihood of a text`,
    );
  return causalLosses(settings, documentKey);
}

/** What `documentLosses` calls a document. */
export function documentKey({ corpus, id }: Pick<HeldOutDocument, 'corpus' | 'id'>): string {
  return `${corpus}\0${id}`;
}

async function causalLosses(
  settings: EvaluateSettings,
  groupOf: (document: HeldOutDocument) => string = ({ corpus }) => corpus,
): Promise<Map<string, GroupLoss>> {
  const { heldOut, context, rows, stride = Math.max(1, context >> 1) } = settings;
  if (!(stride >= 1 && stride <= context)) {
    throw new InvariantError(`a stride of ${stride} in a context of ${context}`);
  }
  const losses = new Map<string, GroupLoss>();
  let pool: Piece[] = [];
  let pooled = 0;
  let done = 0;
  const drain = async (all: boolean) => {
    const packed = packPieces(pool, context);
    const whole = all ? packed.length : packed.length - (packed.length % rows);
    for (let at = 0; at < whole; at += rows) {
      done += await scoreRows(settings, packed.slice(at, Math.min(at + rows, whole)), losses, groupOf);
      settings.onProgress?.(done, heldOut.tokens);
    }
    pool = packed.slice(whole).flat();
    pooled = pool.reduce((sum, piece) => sum + piece.end - piece.start, 0);
  };
  for await (const document of heldOut.documents()) {
    for (const cut of cutDocument(document.tokens.length, context, stride)) {
      pool.push({ document, ...cut });
      pooled += cut.end - cut.start;
    }
    if (pooled >= PACK_BATCHES * rows * context) await drain(false);
  }
  await drain(true);
  return losses;
}

/** First fit, longest first: rows of at most `context` inputs. */
export function packPieces<P extends { readonly start: number; readonly end: number }>(
  pieces: readonly P[],
  context: number,
): P[][] {
  const sorted = [...pieces].sort((a, b) => b.end - b.start - (a.end - a.start));
  const rows: { pieces: P[]; room: number }[] = [];
  for (const piece of sorted) {
    const length = piece.end - piece.start;
    let row = rows.find(({ room }) => room >= length);
    if (row === undefined) {
      row = { pieces: [], room: context };
      rows.push(row);
    }
    row.pieces.push(piece);
    row.room -= length;
  }
  return rows.map(({ pieces }) => pieces);
}

/** Runs one batch and adds its losses by corpus; gives the number of targets scored. */
async function scoreRows(
  settings: EvaluateSettings,
  packed: readonly (readonly Piece[])[],
  losses: Map<string, GroupLoss>,
  groupOf: (document: HeldOutDocument) => string,
): Promise<number> {
  await pause(settings.signal);
  const { context, rows, specialTokens, heldOut } = settings;
  const inputs = packedInputs(packed, rows, context, heldOut.endOfText, specialTokens);
  const tokenLoss = await settings.session.loss(inputs);
  const weights = inputs.lossWeight!.data;
  let scored = 0;
  for (const [row, pieces] of packed.entries()) {
    let at = row * context;
    for (const { document, start, end } of pieces) {
      const group = groupOf(document);
      const sum = losses.get(group) ?? { nats: 0, tokens: 0 };
      for (const stop = at + end - start; at < stop; at++) {
        if (weights[at] === 0) continue;
        sum.nats += tokenLoss[at]!;
        sum.tokens += 1;
        scored += 1;
      }
      losses.set(group, sum);
    }
  }
  return scored;
}

/**
 * The causal objective's inputs for pieces packed into rows: each piece is a segment of its own that sees no other,
 * its positions counted from 0. What is left of a row is a segment of its own with weight 0.
 */
function packedInputs(
  packed: readonly (readonly Piece[])[],
  rows: number,
  context: number,
  endOfText: number,
  specialTokens: ReadonlySet<number>,
): NamedArrays {
  const shape = [rows, context];
  const [tokens, targets, segment, order, position] = Array.from(
    { length: 5 },
    () => new Int32Array(rows * context),
  ) as [Int32Array, Int32Array, Int32Array, Int32Array, Int32Array];
  const lossWeight = new Float32Array(rows * context);
  tokens.fill(endOfText);
  targets.fill(endOfText);
  for (let row = 0; row < rows; row++) {
    const pieces = packed[row] ?? [];
    const base = row * context;
    let at = base;
    for (const [index, { document, start, end, skip }] of pieces.entries()) {
      for (let t = start; t < end; t++, at++) {
        const target = document.tokens[t]!;
        if (t > 0) tokens[at] = document.tokens[t - 1]!;
        targets[at] = target;
        segment[at] = index;
        position[at] = t - start;
        lossWeight[at] = t - start >= skip && !specialTokens.has(target) ? 1 : 0;
      }
    }
    const padding = at;
    for (; at < base + context; at++) {
      segment[at] = pieces.length;
      position[at] = at - padding;
    }
    for (let t = 0; t < context; t++) order[base + t] = t;
  }
  const named = (data: Int32Array | Float32Array) => ({ shape, data });
  return {
    tokens: named(tokens),
    targets: named(targets),
    segment: named(segment),
    order: named(order),
    position: named(position),
    lossWeight: named(lossWeight),
  };
}
