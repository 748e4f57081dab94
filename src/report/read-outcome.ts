/** Steps describe their outcomes freely, and a report may be older or newer than they are: every member is optional. */

export function members(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** One corpus's figures in an evaluation. */
export interface Measured {
  readonly bitsPerByte?: number;
  readonly gzipBitsPerByte?: number;
  readonly lossPerToken?: number;
  readonly bytes?: number;
  readonly tokens?: number;
  readonly documents?: number;
}

export interface MeasuredSet {
  readonly corpora: ReadonlyMap<string, Measured>;
  readonly total?: Measured;
  readonly masked: boolean;
  readonly comparable: boolean;
}

/** An evaluation as the training writes it, whole (`corpora`, `total`) or as figures by corpus alone. */
export function measuredSet(value: unknown): MeasuredSet | undefined {
  const whole = members(value);
  const byCorpus = 'corpora' in whole ? members(whole.corpora) : whole;
  const corpora = new Map<string, Measured>();
  for (const [corpus, figures] of Object.entries(byCorpus)) {
    const one = measured(figures);
    if (one) corpora.set(corpus, one);
  }
  if (corpora.size === 0) return undefined;
  return {
    corpora,
    total: measured(whole.total),
    masked: whole.measure === 'masked-loss',
    comparable: whole.comparable !== false,
  };
}

function measured(value: unknown): Measured | undefined {
  const figures = members(value);
  const one: Measured = {
    bitsPerByte: finite(figures.bitsPerByte),
    gzipBitsPerByte: finite(figures.gzipBitsPerByte),
    lossPerToken: finite(figures.lossPerToken),
    bytes: finite(figures.bytes),
    tokens: finite(figures.tokens),
    documents: finite(figures.documents),
  };
  return one.bitsPerByte === undefined && one.lossPerToken === undefined ? undefined : one;
}

/** Mean bits per byte over all bytes of several corpora; undefined where a corpus lacks its figure. */
export function overAllBytes(
  set: MeasuredSet | undefined,
  figure: 'bitsPerByte' | 'gzipBitsPerByte',
): number | undefined {
  if (!set) return undefined;
  if (set.total?.[figure] !== undefined) return set.total[figure];
  let bits = 0;
  let bytes = 0;
  for (const one of set.corpora.values()) {
    if (one[figure] === undefined || one.bytes === undefined) return undefined;
    bits += one[figure] * one.bytes;
    bytes += one.bytes;
  }
  return bytes > 0 ? bits / bytes : undefined;
}
