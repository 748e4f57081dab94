/** Held-out loss of a masked model: a figure of its own, since such a model gives no likelihood of a text. */

import type { WindowBatch } from '../shard/batch.ts';
import type { EvaluateSettings } from './evaluate.ts';
import type { HeldOutDocument } from './held-out.ts';
import { addLossByGroup, BY_CORPUS, type GroupLoss, lossByDocument, placeOf } from './loss-groups.ts';
import { pause } from './metrics.ts';
import { targetPlacesOf } from './objectives/objective.ts';

/**
 * Documents one after another in windows, as in training; the last batch is filled up from the beginning with weight
 * 0, so that no window has a shape or a kind of text that training has not seen.
 */
export async function maskedLosses(settings: EvaluateSettings): Promise<Map<string, GroupLoss>> {
  const { heldOut, context, rows, objective, random, specialTokens } = settings;
  const documents: HeldOutDocument[] = [];
  for await (const document of heldOut.documents()) documents.push(document);
  const stream = joinDocuments(documents, heldOut.endOfText);
  const losses = new Map<string, GroupLoss>();
  const perBatch = rows * context;
  for (let start = 0, index = 0; start < stream.tokens.length; start += perBatch, index++) {
    await pause(settings.signal);
    const batch = windowsAt(stream, documents, start, rows, context);
    const generator = random.split('evaluate', index);
    const inputs = objective.inputs(batch, () => generator.next());
    const again = random.split('evaluate', index);
    const places = targetPlacesOf(objective, batch, () => again.next());
    const lossWeight = Float32Array.from(inputs.lossWeight!.data);
    const targets = inputs.targets!.data;
    for (let at = 0; at < perBatch; at++) {
      const row = Math.floor(at / context);
      const place = placeOf(places, batch.width, context, row, at - row * context);
      // Window `r` begins at token r * context of the stream, and is a token wider than that.
      const token = start + Math.floor(place / batch.width) * context + (place % batch.width);
      const padded = place < 0 || token >= stream.tokens.length;
      if (padded || specialTokens.has(targets[at]!)) lossWeight[at] = 0;
    }
    const weighted = { ...inputs, lossWeight: { shape: inputs.lossWeight!.shape, data: lossWeight } };
    const tokenLoss = await settings.session.loss(weighted);
    const byDocument = lossByDocument(batch, tokenLoss, lossWeight, places);
    addLossByGroup(losses, batch.documents, byDocument, BY_CORPUS.group);
    settings.onProgress?.(Math.min(start + perBatch, stream.tokens.length), stream.tokens.length);
  }
  return losses;
}

interface TokenStream {
  readonly tokens: Int32Array;
  /** The document that each token belongs to; its end-of-text token too. */
  readonly documentIndex: Int32Array;
  readonly positions: Int32Array;
}

function joinDocuments(documents: readonly HeldOutDocument[], endOfText: number): TokenStream {
  const length = documents.reduce((sum, { tokens }) => sum + tokens.length + 1, 0);
  const stream = {
    tokens: new Int32Array(length),
    documentIndex: new Int32Array(length),
    positions: new Int32Array(length),
  };
  let at = 0;
  for (const [index, document] of documents.entries()) {
    const count = document.tokens.length;
    stream.tokens.set(document.tokens, at);
    stream.tokens[at + count] = endOfText;
    stream.documentIndex.fill(index, at, at + count + 1);
    for (let t = 0; t <= count; t++) stream.positions[at + t] = t;
    at += count + 1;
  }
  return stream;
}

function windowsAt(
  stream: TokenStream,
  documents: readonly HeldOutDocument[],
  start: number,
  rows: number,
  context: number,
): WindowBatch {
  const width = context + 1;
  const take = () => new Int32Array(rows * width);
  const batch = { rows, width, tokens: take(), segments: take(), positions: take(), documentIndex: take() };
  const length = stream.tokens.length;
  for (let row = 0; row < rows; row++) {
    let segment = 0;
    for (let t = 0; t < width; t++) {
      const from = (start + row * context + t) % length;
      const at = row * width + t;
      batch.tokens[at] = stream.tokens[from]!;
      batch.positions[at] = stream.positions[from]!;
      batch.documentIndex[at] = stream.documentIndex[from]!;
      if (t > 0 && stream.positions[from] === 0) segment += 1;
      batch.segments[at] = segment;
    }
  }
  return { ...batch, documents: documents.map(asShardDocument) };
}

/** An objective reads of a document at most its names and size. */
function asShardDocument({ corpus, id, bytes, tokens }: HeldOutDocument) {
  const range = [0, 0] as const;
  return {
    id,
    corpus,
    source: '',
    sourceRange: range,
    tokenRange: [0, tokens.length] as const,
    shard: 0,
    bytes,
    signals: {},
  };
}
