/** Rows that go through a layer in pieces which a core's own cache holds. */

import { concat, slice } from '../graph/ops.ts';
import type { Tensor } from '../graph/tensor.ts';

/** 1 MiB of a layer's widest result. */
const PIECE_ELEMENTS = 2 ** 18;
/** With fewer, adding up the gradients of weights, once a piece, costs more than is saved (4 % of products at 128 rows). */
const MIN_PIECE_ROWS = 256;

/** Rows of one piece, the pieces being as equal as can be. */
export function pieceRows(rows: number, columns: number): number {
  const most = Math.max(MIN_PIECE_ROWS, Math.floor(PIECE_ELEMENTS / columns));
  return Math.ceil(rows / Math.ceil(rows / most));
}

/** x [n, d] in pieces of rows, through each of which something has to flow back: it is put together once. */
export function rowPieces(x: Tensor, rowsAtOnce: number): Tensor[] {
  const rows = x.shape[0]!;
  const gradients: Tensor[] = [];
  return Array.from({ length: Math.ceil(rows / rowsAtOnce) }, (_, i) =>
    x.node.graph.withGradient(
      [x],
      () => slice(x, 0, i * rowsAtOnce, Math.min(rows, (i + 1) * rowsAtOnce)),
      (_inputs, _y, dy, adjoints) => {
        gradients[i] = dy;
        // Differentiation goes backwards: the first piece comes last.
        if (i === 0) adjoints.add(0, concat(gradients, 0));
      },
    ),
  );
}
