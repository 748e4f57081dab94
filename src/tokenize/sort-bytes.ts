interface ByteStrings {
  readonly size: number;
  readonly arena: Uint8Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
}

const INSERTION = 12;

/** The entries in ascending order of their bytes, a prefix before what it begins (three-way radix quicksort). */
export function sortByteStrings(strings: ByteStrings): Uint32Array {
  const { size, arena, starts, ends } = strings;
  const order = new Uint32Array(size);
  for (let i = 0; i < size; i++) order[i] = i;

  const byteAt = (entry: number, depth: number) => {
    const at = starts[entry]! + depth;
    return at < ends[entry]! ? arena[at]! : -1;
  };
  const less = (a: number, b: number, depth: number) => {
    let x = starts[a]! + depth;
    let y = starts[b]! + depth;
    const xEnd = ends[a]!;
    const yEnd = ends[b]!;
    while (x < xEnd && y < yEnd && arena[x] === arena[y]) {
      x++;
      y++;
    }
    if (y >= yEnd) return false;
    return x >= xEnd || arena[x]! < arena[y]!;
  };

  // Explicit stack of [low, high, depth]: depth can be as long as the longest common prefix.
  const stack: number[] = [0, size, 0];
  while (stack.length > 0) {
    const depth = stack.pop()!;
    const high = stack.pop()!;
    const low = stack.pop()!;
    if (high - low <= INSERTION) {
      for (let i = low + 1; i < high; i++) {
        const entry = order[i]!;
        let j = i;
        for (; j > low && less(entry, order[j - 1]!, depth); j--) order[j] = order[j - 1]!;
        order[j] = entry;
      }
      continue;
    }
    const pivot = medianOfThree(
      byteAt(order[low]!, depth),
      byteAt(order[(low + high) >> 1]!, depth),
      byteAt(order[high - 1]!, depth),
    );
    let lt = low;
    let gt = high;
    for (let i = low; i < gt; ) {
      const entry = order[i]!;
      const byte = byteAt(entry, depth);
      if (byte < pivot) {
        order[i++] = order[lt]!;
        order[lt++] = entry;
      } else if (byte > pivot) {
        order[i] = order[--gt]!;
        order[gt] = entry;
      } else i++;
    }
    stack.push(low, lt, depth, gt, high, depth);
    if (pivot >= 0) stack.push(lt, gt, depth + 1);
  }
  return order;
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}
