import { count } from '../../core/format.ts';
import type { Section } from '../figures.ts';
import { absent, cut, html, type Markup, shorten } from '../html.ts';
import { list, members, text } from '../read-outcome.ts';
import type { RunData } from '../run-data.ts';

const SAMPLES_SHOWN = 12;
const CHARACTERS = 2000;

const ENDINGS = new Map([
  ['max-tokens', 'cut at the most tokens asked for'],
  ['stop', 'ended at a stop string'],
  ['end-of-text', 'ended by the model'],
  ['filled', 'masks filled with the likeliest tokens'],
]);

function sample(value: unknown): Markup {
  const { prompt: given, text: written, finish } = members(value);
  // A text whose masks were filled does not go on from its prompt.
  const prompt = finish === 'filled' ? undefined : given;
  const { text: shown, left } = cut(text(written) ?? '', CHARACTERS);
  const begun = text(prompt) ?? '';
  const ending = left > 0 ? `${count(left)} more characters` : ENDINGS.get(text(finish) ?? '');
  return html`<div class="sample"><blockquote class="passage">${begun !== '' && html`<span class="prompt">${shorten(begun, CHARACTERS)}</span>`}${shown}</blockquote>${ending !== undefined && html`<p class="note">${ending}</p>`}</div>`;
}

export function samplesSection(data: RunData): Section {
  const frame = { id: 'samples', title: 'Generated text' };
  const steps = data.steps
    .map((step) => ({ step, samples: list(step.outcome?.samples) }))
    .filter(({ samples }) => samples.length > 0);
  if (steps.length === 0) return { ...frame, body: absent('No text was generated.') };
  const body = html`<p>What the model wrote on from a prompt (bold), unedited.</p>${steps.map(
    ({ step, samples }) =>
      html`${steps.length > 1 && html`<h3>${step.name}</h3>`}${samples.slice(0, SAMPLES_SHOWN).map(sample)}${samples.length > SAMPLES_SHOWN && html`<p class="note">${count(samples.length - SAMPLES_SHOWN)} more are in samples.json.</p>`}`,
  )}`;
  return { ...frame, body };
}
