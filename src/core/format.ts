/** Numbers and sizes as people read them. */

/** `12,345`. Not by `toLocaleString`, whose first call in a process takes 20 ms. */
export function count(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 step`, `2 steps`. */
export function counted(n: number, noun: string): string {
  return `${count(n)} ${plural(n, noun)}`;
}

/** What so many of something are called, where the number stands apart. */
export function plural(n: number, noun: string): string {
  return Math.round(n) === 1 ? noun : `${noun}s`;
}

/** `nextSentenceLoss` as `next sentence loss`. */
export function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function bytes(n: number): string {
  if (n < 1000) return `${Math.round(n)} B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let value = n;
  let unit = -1;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z'];

/** With a decimal prefix and three figures: `3.27 TFLOP`, `85.6 GFLOP/s`, `12.0 kJ`. */
export function quantity(value: number, unit: string): string {
  let scaled = value;
  let prefix = 0;
  while (scaled >= 999.5 && prefix < PREFIXES.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  return `${scaled.toPrecision(3)} ${PREFIXES[prefix]}${unit}`;
}

export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return '-';
  const value = (100 * part) / whole;
  return `${value < 10 && value !== 0 ? value.toFixed(1) : value.toFixed(0)} %`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text from a corpus, safe to print: control characters and direction overrides made visible, white space folded, cut at `width`. */
export function excerpt(text: string, width: number): string {
  const flat = text
    .slice(0, width * 4)
    .replace(/\s+/g, ' ')
    .replace(CONTROL, '\ufffd')
    .trim();
  const points = [...flat];
  return points.length > width ? `${points.slice(0, width - 1).join('')}…` : flat;
}

/** The same, with its line breaks. */
export function printable(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(CONTROL, '\ufffd');
}

export type Align = 'left' | 'right';

/** Columns padded to their widest cell; the first row is the heading. */
export function table(rows: readonly (readonly string[])[], align: readonly Align[]): string[] {
  const widths = align.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        align[column] === 'right' ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}
