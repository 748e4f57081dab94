/**
 * What a worker and the thread that watches it share: one Float64 a counter, one writer each.
 * 8-byte-aligned Float64 stores do not tear on the platforms that Node runs on; progress tolerates a stale read.
 */
export const COUNTERS = { consumed: 0, documents: 1, kept: 2, ordinal: 3, stop: 4, batches: 5 } as const;

export interface TaskCounters {
  readonly shared: SharedArrayBuffer;
  readonly values: Float64Array;
}

export const IDLE = -1;

export function createCounters(): TaskCounters {
  const shared = new SharedArrayBuffer(8 * 8);
  const values = new Float64Array(shared);
  values[COUNTERS.ordinal] = IDLE;
  return { shared, values };
}

export function openCounters(shared: SharedArrayBuffer): TaskCounters {
  return { shared, values: new Float64Array(shared) };
}
