import { bytes, count, counted, duration, plural } from '../../core/format.ts';
import { bits, card, cards, digest, facts, shareOf } from '../figures.ts';
import { type Content, html, type Markup } from '../html.ts';
import { finite, measuredSet, members, overAllBytes, text } from '../read-outcome.ts';
import type { RunData, StepData } from '../run-data.ts';

/** The last step of a kind that has something to say. */
export function lastOf(data: RunData, kind: string): StepData | undefined {
  return data.steps.filter((step) => step.kind === kind && step.outcome !== undefined).at(-1);
}

/** What came in at the source, and what the last step that saw documents let through. */
export function throughput(data: RunData): { came: StepData; went: StepData } | undefined {
  const seen = data.steps.filter(({ tally }) => tally !== undefined && tally.in.documents > 0);
  return seen.length ? { came: seen[0]!, went: seen.at(-1)! } : undefined;
}

/** Held-out figures before and after training: as the step sums them up, else as its log has them. */
export function heldOutOf(data: RunData, step: StepData) {
  const { split, before, after } = members(step.outcome?.heldOut);
  const evaluations = data.curves.get(step.name)?.evaluations ?? [];
  const first = measuredSet(evaluations[0]?.result);
  const last = measuredSet(evaluations.at(-1)?.result);
  // The log has the totals, which the summary leaves out.
  return {
    split: split === 'validation' ? split : 'held-out',
    before: first ?? measuredSet(before),
    after: (evaluations.length > 1 ? last : undefined) ?? measuredSet(after) ?? last,
  };
}

function isComplete(data: RunData): boolean {
  return data.units.every(({ manifest }) => manifest !== undefined);
}

/** What happened, in a few sentences of figures. */
function verdict(data: RunData): string {
  const sentences: string[] = [];
  const flow = throughput(data);
  if (flow) {
    const came = flow.came.tally!.in;
    const kept = flow.went.tally!.out;
    sentences.push(
      `${count(kept.documents)} of ${counted(came.documents, 'document')} were kept (${bytes(kept.bytes)} of ${bytes(came.bytes)} of text).`,
    );
  }
  const train = lastOf(data, 'train');
  const parameters = finite(train?.outcome?.parameters);
  const tokens = finite(train?.outcome?.tokens);
  if (train && parameters !== undefined && tokens !== undefined) {
    const { split, before, after } = heldOutOf(data, train);
    let sentence = `A model of ${counted(parameters, 'parameter')} was trained on ${counted(tokens, 'token')}`;
    const from = overAllBytes(before, 'bitsPerByte');
    const to = overAllBytes(after, 'bitsPerByte');
    const gzip = overAllBytes(after, 'gzipBitsPerByte');
    if (from !== undefined && to !== undefined)
      sentence += `; ${split} text took ${bits(from)} bits per byte before and ${bits(to)} after`;
    if (to !== undefined && gzip !== undefined) sentence += ` (gzip -9: ${bits(gzip)})`;
    sentences.push(`${sentence}.`);
  }
  if (!isComplete(data)) {
    const done = data.units.filter(({ manifest }) => manifest).length;
    sentences.push(`The run is not complete: ${done} of ${data.units.length} units are done.`);
  }
  return sentences.join(' ') || 'No unit of this run is complete yet.';
}

function summaryCards(data: RunData): Markup {
  const all: (Markup | undefined)[] = [];
  const flow = throughput(data);
  if (flow) {
    const came = flow.came.tally!.in;
    const kept = flow.went.tally!.out;
    all.push(
      card(
        count(kept.documents),
        `${plural(kept.documents, 'document')} kept`,
        `${shareOf(kept.documents, came.documents)} of ${count(came.documents)}`,
      ),
      card(bytes(kept.bytes), 'text kept', `${shareOf(kept.bytes, came.bytes)} of ${bytes(came.bytes)}`),
    );
  }
  const shard = lastOf(data, 'shard')?.outcome;
  const trainTokens = finite(shard?.trainTokens);
  if (trainTokens !== undefined) {
    const looked = finite(shard?.validationTokens);
    const aside = looked === undefined ? '' : `${count(looked)} for validation, `;
    const heldOut = `${count(finite(shard?.heldOutTokens) ?? 0)} held out`;
    all.push(card(count(trainTokens), `${plural(trainTokens, 'token')} to train on`, `${aside}${heldOut}`));
  }
  const train = lastOf(data, 'train');
  if (train) {
    const { split, before, after } = heldOutOf(data, train);
    const to = overAllBytes(after, 'bitsPerByte');
    const from = overAllBytes(before, 'bitsPerByte');
    if (to !== undefined)
      all.push(
        card(
          bits(to),
          `${split} bits per byte`,
          from === undefined ? undefined : `${bits(from)} before training`,
        ),
      );
  }
  all.push(card(duration(data.seconds), 'work of all units'));
  return cards(all);
}

function when(iso: string | undefined): Content {
  if (iso === undefined) return undefined;
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}

export function headOf(data: RunData): Markup {
  const { name, seed } = data.plan.spec;
  const train = lastOf(data, 'train');
  const files = data.units.find(({ unit }) => unit.type === 'job' && unit.step.name === train?.name)?.manifest
    ?.files;
  const weights = files?.find(({ path }) => path.endsWith('.safetensors'))?.sha256;
  return html`<p class="kicker">provender run</p>
<h1>${name}</h1>
<p class="verdict">${verdict(data)}</p>
${summaryCards(data)}
${facts([
  ['Finished', when(data.finished)],
  ['Seed', seed],
  ['provender', data.version],
  ['Machine', data.machine],
  ['Tokenizer', digest(tokenizerDigest(data))],
  ['Shards', digest(text(lastOf(data, 'shard')?.outcome?.digest))],
  ['Weights', digest(weights)],
  ['Last output', digest(data.units.at(-1)?.manifest?.outputDigest)],
])}
${data.problems.length > 0 && html`<div class="warn">${data.problems.slice(0, 20).map((line) => html`<p class="note">Could not be read: ${line}</p>`)}</div>`}`;
}

export function tokenizerDigest(data: RunData): string | undefined {
  return (
    text(lastOf(data, 'train-tokenizer')?.outcome?.digest) ??
    text(lastOf(data, 'load-tokenizer')?.outcome?.digest)
  );
}
