/** Lines at the bottom of a terminal that are drawn again in place. */

import { displayWidth } from './text-width.ts';

/** What an area needs of a terminal's stream. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

export class LiveArea {
  private readonly terminal: Terminal;
  /** Gives the lines for a terminal of that size; none may be wider than `columns`. */
  private readonly render: (columns: number, rows: number) => readonly string[];
  private shown: readonly string[] = [];
  private readonly onResize = () => this.draw();

  constructor(terminal: Terminal, render: (columns: number, rows: number) => readonly string[]) {
    this.terminal = terminal;
    this.render = render;
    terminal.on('resize', this.onResize);
  }

  draw(): void {
    // One column and one row stay free: a full one makes some terminals scroll.
    const columns = Math.max(1, (this.terminal.columns ?? 80) - 1);
    const rows = Math.max(1, (this.terminal.rows ?? 24) - 1);
    const lines = this.render(columns, rows).slice(0, rows);
    // In one piece, so that no half of it is ever seen.
    this.terminal.write(`${this.erasing()}${lines.map((line) => `${line}\n`).join('')}`);
    this.shown = lines;
  }

  /** Writes lines that stay, above the area. */
  writeAbove(text: string): void {
    this.terminal.write(`${this.erasing()}${text}\n`);
    this.shown = [];
    this.draw();
  }

  /** Takes the area away. */
  close(): void {
    this.terminal.off('resize', this.onResize);
    this.terminal.write(this.erasing());
    this.shown = [];
  }

  private erasing(): string {
    if (this.shown.length === 0) return '';
    // A terminal made narrower has wrapped the lines that it shows.
    const columns = this.terminal.columns ?? 80;
    const wrapped = (line: string) => Math.max(1, Math.ceil(displayWidth(line) / columns));
    const rows = this.shown.reduce((sum, line) => sum + wrapped(line), 0);
    return `\u001b[${rows}A\r\u001b[0J`;
  }
}
