import type { Funnel } from '../../decision.ts';
import type { Inspector } from '../inspector.ts';
import { count, element, figure, percent, svg } from './elements.ts';
import { exampleCard } from './example-card.ts';

const WIDTH = 320;
const HEIGHT = 84;
const MOST_BARS = 80;
const EACH_SIDE = 3;

/** One rule: its histogram, the slider under it, what it drops, and documents on both sides. */
export class RuleCard {
  readonly root = element('div', 'rule');
  private readonly inspector: Inspector;
  private readonly check: number;
  private readonly figure = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'spread', role: 'img' });
  private readonly slider = element('input');
  private readonly off = element('input');
  private readonly shown = element('output', 'threshold');
  private readonly outcome = element('p', 'note');
  private readonly sides = element('div', 'sides');
  private readonly more = element(
    'details',
    '',
    element('summary', '', 'Documents at the threshold'),
    this.sides,
  );

  constructor(inspector: Inspector, check: number, changed: () => void) {
    this.inspector = inspector;
    this.check = check;
    const { option, reason, grid, signal, comparison, at } = inspector.data.checks[check]!;
    const name = option ?? reason;
    this.root.dataset.check = String(check);
    this.slider.type = 'range';
    this.slider.min = '0';
    this.slider.max = String(Math.max(0, grid.length - 1));
    this.slider.value = String(at < 0 ? this.idle() : at);
    this.slider.setAttribute('aria-label', `${name}: ${comparison === 'min' ? 'at least' : 'at most'}`);
    this.off.type = 'checkbox';
    this.off.checked = at >= 0;
    const label = element('label', 'switch', this.off, ` ${name}`);
    const side = comparison === 'min' ? 'at least' : 'at most';
    this.root.append(
      element('div', 'rule-head', label, element('span', 'limit', `${signal} ${side} `, this.shown)),
      this.figure,
      this.slider,
      this.outcome,
      this.more,
    );
    if (option === undefined) this.slider.hidden = true;
    const set = (): void => {
      inspector.at[check] = this.off.checked ? Number(this.slider.value) : -1;
      changed();
    };
    this.slider.addEventListener('input', () => {
      this.off.checked = true;
      set();
    });
    this.off.addEventListener('change', set);
    this.more.addEventListener('toggle', () => this.drawSides());
  }

  /** Where a slider rests whose rule is off: at the end that drops nothing. */
  private idle(): number {
    const { comparison, grid } = this.inspector.data.checks[this.check]!;
    return comparison === 'min' ? 0 : grid.length - 1;
  }

  reset(): void {
    const { at } = this.inspector.data.checks[this.check]!;
    this.inspector.at[this.check] = at;
    this.off.checked = at >= 0;
    this.slider.value = String(at < 0 ? this.idle() : at);
  }

  /** Draws what the last count says. */
  draw(funnel: Funnel): void {
    const { grid, option } = this.inspector.data.checks[this.check]!;
    const at = this.inspector.at[this.check]!;
    const text = at < 0 ? 'off' : figure(grid[at]!);
    this.shown.textContent = text;
    this.slider.setAttribute('aria-valuetext', text);
    const { breaks, drops, only } = funnel.checks[this.check]!;
    const all = funnel.documents.documents;
    this.outcome.textContent = `alone drops ${count(breaks.documents)} (${percent(breaks.documents, all)}), here ${count(drops.documents)}; ${count(only.documents)} that nothing else drops`;
    if (option !== undefined) this.drawSpread(at);
    else this.figure.replaceChildren();
    this.figure.toggleAttribute('hidden', option === undefined);
    if (this.more.open) this.drawSides();
  }

  private drawSpread(at: number): void {
    const bars = this.inspector.histogram(this.check);
    const { comparison, grid } = this.inspector.data.checks[this.check]!;
    const join = Math.ceil(bars.length / MOST_BARS);
    const step = WIDTH / bars.length;
    const groups: { x: number; own: number; others: number; kept: number; most: number }[] = [];
    bars.forEach(({ own, others, kept }, k) => {
      if (k % join === 0) groups.push({ x: k * step, own: 0, others: 0, kept: 0, most: 0 });
      const group = groups.at(-1)!;
      group.own += own;
      group.others += others;
      group.kept += kept;
    });
    const most = Math.max(1, ...groups.map(({ own, others, kept }) => own + others + kept));
    const parts: SVGElement[] = [];
    for (const { x, own, others, kept } of groups) {
      const sum = own + others + kept;
      if (sum === 0) continue;
      // Heights are square roots, so that a few documents can be seen beside many.
      const height = Math.max(1.5, (HEIGHT - 4) * Math.sqrt(sum / most));
      let y = HEIGHT;
      for (const [name, n] of [
        ['kept', kept],
        ['before', others],
        ['drop', own],
      ] as const) {
        if (n === 0) continue;
        const tall = (height * n) / sum;
        y -= tall;
        const width = Math.max(0.8, step * join - 0.6);
        parts.push(
          svg('rect', {
            class: name,
            x: x.toFixed(2),
            y: y.toFixed(2),
            width: width.toFixed(2),
            height: tall.toFixed(2),
          }),
        );
      }
    }
    if (at >= 0) {
      const x = Math.min(WIDTH - 1, Math.max(1, (at + 1) * step)).toFixed(2);
      parts.push(svg('line', { class: 'mark', x1: x, x2: x, y1: 0, y2: HEIGHT }));
    }
    this.figure.replaceChildren(...parts);
    const range = grid.length ? `${figure(grid[0]!)} to ${figure(grid.at(-1)!)}` : '';
    this.figure.setAttribute(
      'aria-label',
      `Documents by value, ${range}; ${comparison === 'min' ? 'left' : 'right'} of the line they are dropped`,
    );
  }

  /** The documents nearest to the threshold among those whose beginnings are here. */
  private drawSides(): void {
    const { data, at, codes } = this.inspector;
    const place = at[this.check]!;
    const { comparison, grid, option } = data.checks[this.check]!;
    const bound = place < 0 ? undefined : grid[place];
    const mine = codes[this.check]!;
    const known = data.examples.filter(({ row, values }) => mine[row]! < 255 && values[this.check] !== null);
    const far = ({ values }: (typeof known)[number]): number =>
      bound === undefined ? 0 : Math.abs(values[this.check]! - bound);
    const nearest = known.sort((a, b) => far(a) - far(b));
    const dropped = nearest.filter(({ row }) => this.inspector.breaks(this.check, row)).slice(0, EACH_SIDE);
    const left = nearest.filter(({ row }) => !this.inspector.breaks(this.check, row)).slice(0, EACH_SIDE);
    const list = (title: string, all: typeof known): Node[] => [
      element('h4', '', title),
      ...(all.length > 0
        ? all.map((one) => exampleCard(this.inspector, one, option === undefined ? undefined : this.check))
        : [element('p', 'absent', 'none among the documents kept here')]),
    ];
    this.sides.replaceChildren(
      element('div', '', ...list(comparison === 'min' ? 'Just below' : 'Just above', dropped)),
      element('div', '', ...list('Just inside', left)),
    );
  }
}
