import { count, counted, inWords, percent, plural, quantity } from '../../core/format.ts';
import { compareNames } from '../../io/glob.ts';
import { isShare } from '../../train/recent-losses.ts';
import type { Chart } from '../chart-script.ts';
import { type Curves, MAX_CORPORA } from '../curves.ts';
import { barTable, bits, card, cards, figure, type Section } from '../figures.ts';
import { absent, html, type Markup, shorten, shortenMiddle, table } from '../html.ts';
import { finite, measuredSet, members, overAllBytes, text } from '../read-outcome.ts';
import type { RunData, StepData } from '../run-data.ts';

const ROWS = 10;
const COLOURS = 8;
const GROUP_TITLES: Readonly<Record<string, string>> = {
  source: 'source file',
  'duplicate-count': 'copies that a document stands for',
};
/** Groups of one kind in the table of bars. */
const MAX_GROUPS = 12;

interface Titled {
  readonly title: string;
  readonly chart: Chart;
  readonly whole?: boolean;
}

/** Names of corpora come from outside and an id must not: charts are numbered. */
function chartsOf(curves: Curves, prefix: string): Titled[] {
  const { step: x, loss, learningRate, gradientNorm, lossByCorpus, lossByGroup, evaluations } = curves;
  const xLabel = 'step';
  const one = (
    label: string,
    values: readonly (number | null)[],
    colour: number,
  ): Chart['series'][number] => ({
    label,
    values,
    colour,
  });
  const measured = evaluations.map(({ step, result }) => ({ step, set: measuredSet(result) }));
  const heldOut = [...new Set(measured.flatMap(({ set }) => [...(set?.corpora.keys() ?? [])]))].sort();
  // A corpus has one colour in all charts.
  const names = [...new Set([...Object.keys(lossByCorpus), ...heldOut])].sort();
  const colourOf = (corpus: string): number => (names.indexOf(corpus) % COLOURS) + 1;
  const all: Titled[] = [];
  if (x.length > 0) {
    const series = [one('loss', loss, 1)];
    all.push({
      title: 'Training loss (nats per token)',
      whole: true,
      chart: { id: `${prefix}-loss`, x, xLabel, series },
    });
    const corpora = Object.entries(lossByCorpus).sort(([a], [b]) => (a < b ? -1 : 1));
    if (corpora.length > 1) {
      all.push({
        title: 'Training loss by corpus',
        chart: {
          id: `${prefix}-corpora`,
          x,
          xLabel,
          series: corpora.map(([corpus, values]) => one(shortenMiddle(corpus), values, colourOf(corpus))),
        },
      });
    }
  }
  for (const [k, [slicing, groups]] of Object.entries(lossByGroup).entries()) {
    const drawn = Object.entries(groups);
    if (x.length === 0 || drawn.length < 2) continue;
    all.push({
      title: `Training loss by ${GROUP_TITLES[slicing] ?? slicing}`,
      chart: {
        id: `${prefix}-group-${k}`,
        x,
        xLabel,
        series: drawn.map(([name, values], i) => one(shortenMiddle(name), values, (i % COLOURS) + 1)),
      },
    });
  }
  if (measured.length > 1 && heldOut.length > 0) {
    const masked = measured[0]!.set?.masked ?? false;
    all.push({
      title: masked ? 'Held-out loss per masked token' : 'Held-out bits per byte',
      chart: {
        id: `${prefix}-held-out`,
        x: measured.map(({ step }) => step),
        xLabel,
        series: heldOut.slice(0, MAX_CORPORA).map((corpus) => ({
          ...one(
            shortenMiddle(corpus),
            measured.map(({ set }) => {
              const figures = set?.corpora.get(corpus);
              return (masked ? figures?.lossPerToken : figures?.bitsPerByte) ?? null;
            }),
            colourOf(corpus),
          ),
          points: true,
        })),
      },
    });
  }
  if (x.length > 0) {
    all.push(
      {
        title: 'Learning rate',
        chart: { id: `${prefix}-rate`, x, xLabel, series: [one('learning rate', learningRate, 3)] },
      },
      {
        title: 'Norm of the gradient, before clipping',
        chart: { id: `${prefix}-norm`, x, xLabel, series: [one('gradient norm', gradientNorm, 4)] },
      },
    );
  }
  return all;
}

function lossTable(curves: Curves): Markup {
  const last = curves.step.length - 1;
  const wanted = new Set(Array.from({ length: ROWS }, (_, i) => Math.round((i * last) / (ROWS - 1))));
  const corpora = Object.entries(curves.lossByCorpus);
  return table(
    'Training loss in nats per token',
    [
      { heading: 'up to step', numeric: true },
      { heading: 'loss', numeric: true },
      ...corpora.map(([corpus]) => ({ heading: shorten(corpus, 40), numeric: true })),
      { heading: 'learning rate', numeric: true },
      { heading: 'gradient norm', numeric: true },
    ],
    [...wanted].map((i) => [
      count(curves.step[i]!),
      bits(curves.loss[i]),
      ...corpora.map(([, values]) => bits(values[i])),
      figure(curves.learningRate[i] ?? undefined),
      figure(curves.gradientNorm[i] ?? undefined),
    ]),
  );
}

/** What the last steps' loss was in each group, as bars. */
function groupTable(outcome: Readonly<Record<string, unknown>>): Markup | undefined {
  const { steps, groups } = members(outcome.lossByGroup);
  const kinds = Object.entries(members(groups)).flatMap(([slicing, of]) => {
    const rows = Object.entries(members(of)).map(([name, figures]) => ({
      name,
      loss: finite(members(figures).loss) ?? 0,
      tokens: finite(members(figures).tokens) ?? 0,
    }));
    return rows.length > 1 ? [{ slicing, rows }] : [];
  });
  if (kinds.length === 0) return undefined;
  const highest = Math.max(...kinds.flatMap(({ rows }) => rows.map(({ loss }) => loss)));
  return barTable(
    `Training loss of the last ${counted(finite(steps) ?? 0, 'step')}, nats per token`,
    ['documents', 'loss (tokens)'],
    kinds.flatMap(({ slicing, rows }) =>
      mostTokens(rows).map(({ name, loss, tokens }) => ({
        group: `by ${GROUP_TITLES[slicing] ?? slicing}`,
        label: shortenMiddle(name),
        parts: [{ kind: 'plain' as const, share: highest > 0 ? loss / highest : 0 }],
        value: `${bits(loss)} (${count(tokens)})`,
      })),
    ),
  );
}

/** The groups with most tokens, in the order of their names, and of the numbers in them. */
function mostTokens<T extends { readonly name: string; readonly tokens: number }>(rows: readonly T[]): T[] {
  const most = [...rows].sort((a, b) => b.tokens - a.tokens).slice(0, MAX_GROUPS);
  return most.sort((a, b) => compareNames(a.name, b.name));
}

function evaluationTable(curves: Curves): Markup | undefined {
  if (curves.evaluations.length < 2) return undefined;
  const stride = Math.ceil(curves.evaluations.length / 20);
  const rows = curves.evaluations
    .filter((_, i) => i % stride === 0 || i === curves.evaluations.length - 1)
    .map(({ step, result }) => {
      const set = measuredSet(result);
      const value = set?.masked ? set.total?.lossPerToken : overAllBytes(set, 'bitsPerByte');
      return [count(step), bits(value)];
    });
  return table(
    'Held-out text, all corpora',
    [
      { heading: 'step', numeric: true },
      { heading: 'bits per byte or loss', numeric: true },
    ],
    rows,
  );
}

/** Of the last call that took a step: it may be the rest of a run that was stopped. */
function usageCards(usage: unknown): (Markup | undefined)[] {
  const { flopsPerSecond, peakFlopsPerSecond, peakShare, energyEstimate } = members(usage);
  const [rate, peak, share] = [flopsPerSecond, peakFlopsPerSecond, peakShare].map(finite);
  const { kilowattHours, joulesPerMillionTokens, source } = members(energyEstimate);
  const [energy, perTokens] = [kilowattHours, joulesPerMillionTokens].map(finite);
  return [
    rate === undefined ? undefined : card(quantity(rate, 'FLOP/s'), 'in matrix products'),
    share === undefined || peak === undefined
      ? undefined
      : card(percent(share, 1), `of the ${quantity(peak, 'FLOP/s')} that the machine was measured to do`),
    energy === undefined
      ? undefined
      : card(
          quantity(energy * 1000, 'Wh'),
          `energy, an estimate (${shorten(text(source) ?? 'no source named', 80)})`,
        ),
    perTokens === undefined
      ? undefined
      : card(quantity(perTokens, 'J'), 'a million tokens trained on, evaluations included, by that estimate'),
  ];
}

/** What the objective measures beside the loss, over the last steps. */
function metricCards(lossByGroup: unknown): Markup[] {
  const { steps, metrics } = members(lossByGroup);
  return Object.entries(members(metrics)).flatMap(([name, value]) => {
    const mean = finite(value);
    if (mean === undefined) return [];
    const shown = isShare(name) ? percent(mean, 1) : bits(mean);
    return [card(shown, shorten(inWords(name), 40), `last ${counted(finite(steps) ?? 0, 'step')}`)];
  });
}

function ofStep(data: RunData, step: StepData, index: number, charts: Chart[]): Markup {
  const outcome = step.outcome ?? {};
  const curves = data.curves.get(step.name);
  const number = (name: string): number | undefined => finite(outcome[name]);
  const show = (name: string, noun: string, rest = ''): Markup | undefined =>
    number(name) === undefined
      ? undefined
      : card(count(number(name)!), `${plural(number(name)!, noun)}${rest}`);
  const losses =
    number('firstLoss') !== undefined && number('lastLoss') !== undefined
      ? card(
          `${number('firstLoss')!.toFixed(2)} → ${number('lastLoss')!.toFixed(2)}`,
          'loss, first and last step',
        )
      : undefined;
  const figures = cards([
    show('parameters', 'parameter'),
    show('steps', 'step'),
    show('tokens', 'token'),
    losses,
    show('tokensPerSecond', 'token', ' a second'),
    ...metricCards(outcome.lossByGroup),
    ...usageCards(outcome.usage),
  ]);
  if (!curves)
    return html`<h3>${step.name}</h3>${step.outcome && figures}${absent('It left no metrics.jsonl with steps in it, so there are no curves.')}`;
  const drawn = chartsOf(curves, `chart-${index}`);
  charts.push(...drawn.map(({ chart }) => chart));
  const epochs = Object.entries(members(outcome.epochsByCorpus));
  return html`<h3>${step.name}</h3>${figures}
<div class="charts">${drawn.map(({ title, chart, whole }) => html`<figure${whole && html` class="whole"`}><figcaption>${title}</figcaption><div class="chart" id="${chart.id}" role="img" aria-label="${title}; the table below has figures"></div></figure>`)}</div>
<noscript><p class="absent">The curves need scripts to be drawn; the tables do not.</p></noscript>
${curves.stepsPerPoint > 1 && html`<p class="note">A point is the mean of ${counted(curves.stepsPerPoint, 'step')}.</p>`}
${curves.skippedSteps > 0 && html`<p class="note">${counted(curves.skippedSteps, 'step')} left out: the loss or the gradient was not finite.</p>`}
${curves.badLines > 0 && html`<p class="note">${counted(curves.badLines, 'line')} of metrics.jsonl left out: no JSON.</p>`}
${groupTable(outcome)}
<details class="print"><summary>Figures</summary>${curves.step.length > 0 && lossTable(curves)}${evaluationTable(curves)}
${
  epochs.length > 0 &&
  table(
    'Passes over each corpus',
    [{ heading: 'corpus' }, { heading: 'epochs', numeric: true }],
    epochs.slice(0, 40).map(([corpus, n]) => [shorten(corpus), figure(finite(n))]),
  )
}</details>`;
}

/** Appends what the page's script draws to `charts`. */
export function trainingSection(data: RunData, charts: Chart[]): Section {
  const frame = { id: 'training', title: 'Training' };
  const steps = data.steps.filter(
    ({ kind, name, outcome }) => kind === 'train' && (outcome || data.curves.has(name)),
  );
  if (steps.length === 0) return { ...frame, body: absent('No model was trained yet.') };
  return { ...frame, body: html`${steps.map((step, i) => ofStep(data, step, i, charts))}` };
}
