import { bytes, count, duration } from '../../core/format.ts';
import { bar, digest, type Section } from '../figures.ts';
import { cut, html, table } from '../html.ts';
import type { RunData } from '../run-data.ts';

const OPTIONS_CHARACTERS = 20_000;

export function unitsSection(data: RunData): Section {
  const longest = Math.max(1e-9, ...data.units.map(({ manifest }) => manifest?.seconds ?? 0));
  const rows = data.units.map(({ unit, manifest }) => [
    unit.name,
    unit.type,
    manifest ? duration(manifest.seconds) : 'not complete',
    manifest &&
      bar(`${unit.name}: ${duration(manifest.seconds)}`, [
        { kind: 'plain', share: manifest.seconds / longest },
      ]),
    manifest?.documents === undefined ? '–' : count(manifest.documents),
    manifest?.textBytes === undefined ? '–' : bytes(manifest.textBytes),
    manifest?.partitions === undefined ? '–' : count(manifest.partitions),
    digest(manifest?.fingerprint.hash) ?? '–',
    digest(manifest?.outputDigest) ?? '–',
  ]);
  return {
    id: 'units',
    title: 'Units of work',
    body: html`<p>A unit runs again when its fingerprint changes: options, inputs, seed or code. Its output digest is what later units depend on.</p>${table(
      'Units in order',
      [
        { heading: 'unit' },
        { heading: 'type' },
        { heading: 'time', numeric: true },
        { heading: html`<span class="unseen">bar</span>` },
        { heading: 'documents kept', numeric: true },
        { heading: 'text', numeric: true },
        { heading: 'partitions', numeric: true },
        { heading: 'fingerprint' },
        { heading: 'output' },
      ],
      rows,
    )}`,
  };
}

/** Options as they were resolved, defaults included: what would be needed to do it again. */
export function optionsSection(data: RunData): Section {
  const { name, seed, run } = data.plan.spec;
  const block = (title: string, value: unknown) => {
    const { text, left } = cut(JSON.stringify(value, null, 2), OPTIONS_CHARACTERS);
    return html`<details><summary>${title}</summary><pre tabindex="0">${text}${left > 0 && html`… ${count(left)} more characters`}</pre></details>\n`;
  };
  return {
    id: 'options',
    title: 'Options',
    body: html`${block('run', { name, seed, run })}${data.steps.map((step) => block(step.name, { [step.kind]: step.options }))}`,
  };
}
