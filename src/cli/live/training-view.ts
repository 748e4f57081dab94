/** A training as it goes on, in lines for a terminal. */

import pc from 'picocolors';
import { bytes, count, duration, excerpt, percent, quantity } from '../../core/format.ts';
import type { TrainingState } from '../../train/monitor/state.ts';
import { brailleCurve } from './braille.ts';
import { clip, displayWidth, type Piece } from './text-width.ts';

type Colours = Pick<typeof pc, 'bold' | 'dim' | 'cyan' | 'green'>;

export interface TrainingViewSettings {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly colours?: Colours;
}

const CHART_ROWS = 5;
const BAR = 24;
const INDENT = '  ';
const LABEL = 13;

/** At most `rows` lines of at most `columns` columns; the curve goes first where there is little room. */
export function trainingLines(name: string, state: TrainingState, settings: TrainingViewSettings): string[] {
  const { columns, rows, now, colours = pc } = settings;
  const below = figures(state, now, colours);
  const chartRows = Math.min(CHART_ROWS, rows - 1 - below.length);
  const chart =
    chartRows >= 2 && state.curve.length > 1 ? chartLines(state.curve, columns, chartRows, colours) : [];
  const lines = [
    headLine(name, state, columns, colours),
    ...chart,
    ...below.map((line) => clip(line, columns)),
  ];
  return lines.slice(0, rows);
}

function headLine(name: string, state: TrainingState, columns: number, colours: Colours): string {
  const { step, steps, secondsLeft, phase } = state;
  const left = secondsLeft === undefined || step === steps ? '' : `  ${duration(secondsLeft)} left`;
  const title = `${INDENT}${name}  `;
  const text = `  ${count(step)} of ${count(steps)} steps, ${percent(step, steps)}${left}${phase ? `  ${phase}` : ''}`;
  const room = columns - displayWidth(title) - displayWidth(text);
  const width = room < 6 ? 0 : Math.min(BAR, room);
  const filled = Math.round((width * step) / steps);
  return clip(
    [
      [title, colours.bold],
      ['█'.repeat(filled), colours.green],
      ['░'.repeat(width - filled), colours.dim],
      [text],
    ],
    columns,
  );
}

function chartLines(curve: readonly number[], columns: number, rows: number, colours: Colours): string[] {
  const [top, bottom] = [Math.max(...curve), Math.min(...curve)].map((value) => value.toFixed(2));
  const margin = Math.max(top!.length, bottom!.length);
  const drawn = brailleCurve(curve, Math.max(1, columns - INDENT.length - margin - 2), rows);
  return drawn.map((line, row) => {
    const label = row === 0 ? top! : row === rows - 1 ? bottom! : '';
    const axis = `${INDENT}${label.padStart(margin)} ${row === 0 || row === rows - 1 ? '┤' : '│'}`;
    return clip(
      [
        [axis, colours.dim],
        [line, colours.cyan],
      ],
      columns,
    );
  });
}

function figures(state: TrainingState, now: number, { dim }: Colours): Piece[][] {
  const line = (label: string, items: readonly string[]): Piece[] => [
    [`${INDENT}${label.padEnd(LABEL)}`, dim],
    [items.join('  ')],
  ];
  const named = ([name, value]: readonly [string, number]) => `${excerpt(name, 24)} ${value.toFixed(2)}`;
  const lines: Piece[][] = [];
  if (state.loss !== null) {
    const corpora = Object.entries(state.lossByCorpus);
    lines.push(line('loss', [state.loss.toFixed(3), ...(corpora.length > 1 ? corpora.map(named) : [])]));
  }
  const { evaluation } = state;
  if (evaluation) {
    const label = evaluation.measure === 'bits-per-byte' ? 'bits a byte' : 'masked loss';
    lines.push(
      line(label, [...Object.entries(evaluation.corpora).map(named), `(step ${count(evaluation.step)})`]),
    );
  }
  if (state.tokensPerSecond !== undefined) lines.push(line('speed', speed(state)));
  lines.push(line('machine', machine(state, now)));
  return lines;
}

function speed(state: TrainingState): string[] {
  const { tokensPerSecond, flopsPerSecond, peakShare, learningRate, gradientNorm } = state;
  const share = peakShare === undefined ? '' : `, ${percent(peakShare, 1)} of peak`;
  return [
    `${count(tokensPerSecond!)} tokens/s`,
    ...(flopsPerSecond === undefined ? [] : [`${quantity(flopsPerSecond, 'FLOP/s')}${share}`]),
    ...(learningRate === undefined ? [] : [`learning rate ${learningRate.toPrecision(3)}`]),
    ...(gradientNorm === undefined ? [] : [`gradient ${gradientNorm.toPrecision(3)}`]),
  ];
}

function machine({ memory, energy, checkpoint }: TrainingState, now: number): string[] {
  const ago = checkpoint && duration(Math.max(0, Math.round((now - checkpoint.at) / 1000)));
  return [
    bytes(memory),
    ...(checkpoint ? [`checkpoint of step ${count(checkpoint.step)}, ${ago} ago`] : []),
    ...(energy
      ? [
          `${energy.watts.toFixed(0)} W, ${quantity(energy.kilowattHours * 1000, 'Wh')} by estimate (${energy.source})`,
        ]
      : []),
  ];
}
