import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LiveArea } from '../../src/cli/live/area.ts';
import { brailleCurve } from '../../src/cli/live/braille.ts';
import { clip, displayWidth } from '../../src/cli/live/text-width.ts';
import { trainingLines } from '../../src/cli/live/training-view.ts';
import { ProgressView } from '../../src/cli/progress-view.ts';
import type { JobUnit } from '../../src/execute/plan.ts';
import type { TrainingState } from '../../src/train/monitor/state.ts';

const ESC = '\u001b';

/** A terminal that keeps what is on its screen: line ends, cursor up, erasing to the end, wrapping; nothing scrolls out. */
class FakeTerminal extends EventEmitter {
  columns: number;
  rows: number;
  readonly isTTY: boolean;
  lines: string[] = [''];
  raw = '';
  private row = 0;

  constructor({ columns = 80, rows = 24, isTTY = true } = {}) {
    super();
    Object.assign(this, { columns, rows });
    this.columns = columns;
    this.rows = rows;
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.raw += text;
    for (const part of text.split(new RegExp(`(${ESC}(?:[78]|\\[\\??[0-9;]*[A-Za-z])|[\\n\\r])`)))
      this.take(part);
    return true;
  }

  private take(part: string): void {
    if (part === '\n') {
      this.row += 1;
      this.lines[this.row] ??= '';
    } else if (part.startsWith(ESC)) {
      const [, argument, command] = /(\d*)([A-Za-z78])$/.exec(part)!;
      if (command === 'A') this.row -= Number(argument);
      if (this.row < 0) throw new Error('above the first line');
      if (command === 'J') this.lines.length = this.row + 1;
      // What follows `G` and `K` of the bar is its whole line.
      if ('JKG'.includes(command!)) this.lines[this.row] = '';
    } else if (part !== '\r' && part !== '') {
      this.print(part);
    }
  }

  private print(text: string): void {
    for (let rest = text; ; this.row += 1, this.lines[this.row] = '') {
      const room = this.columns - displayWidth(this.lines[this.row]!);
      this.lines[this.row] += rest.slice(0, room);
      rest = rest.slice(room);
      if (rest === '') break;
    }
  }

  /** Narrower or wider, its lines wrapped as most terminals do. */
  resize(columns: number): void {
    this.lines = this.lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']);
    this.row = this.lines.length - 1;
    this.columns = columns;
    this.emit('resize');
  }
}

const STATE: TrainingState = {
  kind: 'training',
  step: 412,
  steps: 800,
  loss: 5.4123,
  curve: Array.from({ length: 200 }, (_, i) => 8.33 / (1 + i / 100)),
  lossByCorpus: { sotu: 4.871, 'moby-dick': 5.93, [`hostile ${ESC}[2J\n name`]: 6.01 },
  learningRate: 0.0029,
  gradientNorm: 0.8123,
  tokensPerSecond: 3104,
  flopsPerSecond: 82.1e9,
  peakShare: 0.612,
  secondsLeft: 72.4,
  memory: 612e6,
  evaluation: { step: 400, measure: 'bits-per-byte', corpora: { sotu: 1.8, 'moby-dick': 2.614 } },
  checkpoint: { step: 400, at: 1_000_000 },
  energy: { kilowattHours: 0.0006, watts: 16, source: 'nothing measured: 2 threads at 8 W' },
};
const plain = { bold: String, dim: String, cyan: String, green: String };
const linesAt = (columns: number, rows = 24, state = STATE) =>
  trainingLines('train', state, { columns, rows, now: 1_012_000, colours: plain as never });

describe('trainingLines', () => {
  it('shows progress, curve, loss by corpus, bits per byte, speed and machine', () => {
    const lines = linesAt(150);
    expect(lines[0]).toMatch(/^ {2}train {2}█{12}░{12} {2}412 of 800 steps, 52 % {2}72 s left$/);
    expect(lines[1]).toMatch(/^ {2}8\.33 ┤[\u2800-\u28ff]+$/);
    expect(lines[5]).toMatch(/^ {2}2\.79 ┤[\u2800-\u28ff]+$/);
    expect(lines.slice(6)).toEqual([
      '  loss         5.412  sotu 4.87  moby-dick 5.93  hostile \ufffd[2J name 6.01',
      '  bits a byte  sotu 1.80  moby-dick 2.61  (step 400)',
      '  speed        3,104 tokens/s  82.1 GFLOP/s, 61 % of peak  learning rate 0.00290  gradient 0.812',
      '  machine      612 MB  checkpoint of step 400, 12 s ago  16 W, 0.600 Wh by estimate (nothing measured: 2 threads at 8 W)',
    ]);
  });

  it('never fills more than it is given, the curve left out first', () => {
    for (const columns of [1, 7, 20, 40, 79, 200]) {
      for (const line of linesAt(columns)) expect(displayWidth(line)).toBeLessThanOrEqual(columns);
    }
    for (const rows of [1, 3, 5, 6, 8, 10]) expect(linesAt(80, rows).length).toBeLessThanOrEqual(rows);
    expect(linesAt(80, 6).join('\n')).not.toMatch(/[┤│]/);
    expect(linesAt(80, 8).join('\n')).toMatch(/┤/);
    expect(linesAt(60).at(-1)).toMatch(/…$/);
  });

  it('shows what there is before the first step', () => {
    const { memory, kind, steps } = STATE;
    const lines = linesAt(80, 24, {
      ...{ kind, steps, memory, step: 0, loss: null, curve: [], lossByCorpus: {} },
      phase: 'held-out text 30 %',
    });
    expect(lines[0]).toMatch(/0 of 800 steps, 0 % {2}held-out text 30 %$/);
    expect(lines.slice(1)).toEqual(['  machine      612 MB']);
  });
});

describe('brailleCurve', () => {
  it('draws a falling and a rising line, a dot a column at least', () => {
    // Two dots a column, four a row.
    expect(brailleCurve([3, 2, 1, 0], 2, 1)).toEqual(['⠑⢄']);
    expect(brailleCurve([0, 1, 2, 3], 2, 1)).toEqual(['⡠⠊']);
    expect(brailleCurve([7, 0], 1, 2)).toEqual(['⢱', '⢸']);
    expect(brailleCurve([5, 5, 5, 5], 2, 1)).toEqual(['⣀⣀']);
    expect(brailleCurve([], 2, 2)).toEqual(['', '']);
  });

  it('takes means where there are more values than dots', () => {
    const values = Array.from({ length: 400 }, (_, i) => 400 - i);
    const [line] = brailleCurve(values, 10, 1);
    expect(line).toHaveLength(10);
    expect(line).toBe(
      brailleCurve(
        values.filter((_, i) => i % 20 === 10),
        10,
        1,
      )[0],
    );
  });
});

describe('clip', () => {
  it('counts columns as a terminal does', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('語彙')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('🚂')).toBe(2);
    expect(displayWidth(`${ESC}[1mab${ESC}[22m`)).toBe(2);
    expect(clip([['語彙語彙']], 6)).toBe('語彙…');
    expect(clip([['ab'], ['cd', (text) => `<${text}>`]], 3)).toBe('ab…');
    expect(clip([['ab'], ['cdef', (text) => `<${text}>`]], 5)).toBe('ab<cd>…');
    expect(clip([['ab'], ['cd', (text) => `<${text}>`]], 4)).toBe('ab<cd>');
  });
});

describe('LiveArea', () => {
  it('draws in place, keeps what is written above, and leaves nothing behind', () => {
    const terminal = new FakeTerminal({ columns: 40, rows: 10 });
    terminal.write('before\n');
    let n = 1;
    const area = new LiveArea(terminal, () => Array.from({ length: n }, (_, i) => `line ${i} of ${n}`));
    for (n of [1, 3, 2]) area.draw();
    expect(terminal.lines).toEqual(['before', 'line 0 of 2', 'line 1 of 2', '']);
    area.writeAbove('a word');
    expect(terminal.lines).toEqual(['before', 'a word', 'line 0 of 2', 'line 1 of 2', '']);
    area.close();
    expect(terminal.lines).toEqual(['before', 'a word', '']);
    expect(terminal.listenerCount('resize')).toBe(0);
  });

  it('is drawn anew on a terminal of another size, whose old lines were wrapped', () => {
    const terminal = new FakeTerminal({ columns: 60, rows: 20 });
    terminal.write('before\n');
    const area = new LiveArea(terminal, (columns, rows) => linesAt(columns, rows));
    area.draw();
    for (const columns of [60, 33, 100, 20]) {
      terminal.resize(columns);
      expect(terminal.lines[0]).toBe('before');
      expect(terminal.lines.slice(1, -1)).toEqual(linesAt(columns - 1, 19));
    }
  });

  it('never takes more rows than the terminal has', () => {
    const terminal = new FakeTerminal({ columns: 40, rows: 4 });
    const area = new LiveArea(terminal, () => Array.from({ length: 9 }, (_, i) => `${i}`));
    area.draw();
    area.draw();
    expect(terminal.lines).toEqual(['0', '1', '2', '']);
  });
});

describe('ProgressView', () => {
  const unit = { type: 'job', index: 0, name: 'train' } as JobUnit;
  const shown = (terminal: FakeTerminal, options?: { live?: boolean }) => {
    const view = new ProgressView(terminal as never, options);
    view.unitStarted(unit, { runs: true, reasons: [] });
    return view;
  };

  it('shows a training in several lines, says what is to be said above them, and clears them at the end', () => {
    const terminal = new FakeTerminal({ columns: 100, rows: 30 });
    const view = shown(terminal);
    view.say('a plan');
    for (const step of [1, 2, 3]) {
      view.progress(unit, { done: step, total: 800, details: { ...STATE, step } });
      if (step === 2) view.say('a warning in between');
    }
    expect(terminal.lines.filter((line) => line.includes('steps')).length).toBe(1);
    expect(terminal.lines.join('\n')).toContain('3 of 800 steps');
    const at = (text: string) => terminal.lines.findIndex((line) => line.includes(text));
    expect(at('a warning in between')).toBeLessThan(at('3 of 800 steps'));
    view.stop();
    expect(terminal.lines.join('\n')).not.toContain('steps');
    expect(terminal.lines.join('\n')).toContain('a warning in between');
  });

  it('shows a line now and then where there is no terminal, and no sequence at all', () => {
    const stream = new FakeTerminal({ isTTY: false });
    const view = shown(stream);
    view.progress(unit, { done: 1, total: 800, details: STATE });
    view.say('a plan');
    view.stop();
    expect(stream.raw).toBe('  a plan\n');
  });

  it('shows the bar alone where it is told to', () => {
    const terminal = new FakeTerminal();
    terminal.write = (text: string) => {
      terminal.raw += text;
      return true;
    };
    const view = shown(terminal, { live: false });
    view.progress(unit, { done: 8, total: 800, note: 'loss 5.41', details: STATE });
    view.stop();
    expect(terminal.raw).not.toContain('bits a byte');
  });
});
