/** Elements by tag, with text that is text: nothing of a document is ever read as markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = '',
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...children);
  return made;
}

export function svg(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

export function percent(part: number, whole: number): string {
  if (whole === 0) return '–';
  const value = (100 * part) / whole;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value > 0 && value < 100 && (value < 10 || value > 99) ? value.toFixed(1) : value.toFixed(0)} %`;
}

/** A number as a threshold or a measured value is shown. */
export function figure(value: number): string {
  return Math.abs(value) >= 1000 ? count(value) : String(Number(value.toPrecision(4)));
}

/** A bar of parts, each a share of the whole and a class of the style sheet. */
export function barOf(title: string, parts: readonly (readonly [string, number])[]): SVGElement {
  const bar = svg('svg', { class: 'bar', role: 'img', 'aria-label': title });
  let from = 0;
  for (const [className, share] of parts) {
    const width = Math.max(0, Math.min(1 - from, share)) * 100;
    if (width > 0)
      bar.append(
        svg('rect', {
          class: className,
          x: `${from * 100}%`,
          width: `${Math.max(width, 0.3)}%`,
          height: '100%',
        }),
      );
    from += width / 100;
  }
  return bar;
}
