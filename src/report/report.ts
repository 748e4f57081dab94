import { join } from 'node:path';
import { writeFileAtomic } from '../core/files.ts';
import type { Chart } from './chart-script.ts';
import { html } from './html.ts';
import { renderPage } from './page.ts';
import { type RunData, readRunData } from './run-data.ts';
import { duplicatesSection } from './sections/duplicates.ts';
import { funnelSection } from './sections/funnel.ts';
import { headOf } from './sections/head.ts';
import { heldOutSection } from './sections/held-out.ts';
import { refusedSection } from './sections/refused.ts';
import { samplesSection } from './sections/samples.ts';
import { signalsSection } from './sections/signals.ts';
import { tokenizerSection, tokensSection } from './sections/tokens.ts';
import { trainingSection } from './sections/training.ts';
import { optionsSection, unitsSection } from './sections/units.ts';

export const REPORT_FILE = 'report.html';

/** The whole page as text. */
export function renderReport(data: RunData): string {
  const charts: Chart[] = [];
  const sections = [
    funnelSection(data),
    refusedSection(data),
    duplicatesSection(data),
    signalsSection(data),
    tokensSection(data),
    tokenizerSection(data),
    trainingSection(data, charts),
    heldOutSection(data),
    samplesSection(data),
    unitsSection(data),
    optionsSection(data),
  ];
  return renderPage({
    title: `${data.plan.spec.name}: provender run`,
    head: headOf(data),
    sections,
    charts,
    foot: html`<p>Written by provender ${data.version}. This file asks nothing of the network.</p>`,
  });
}

/**
 * Reads a run directory, complete or not, and writes `report.html` into it: one file that needs no other. Gives its
 * path. What is missing or damaged is left out with a line that says so; only a folder without a plan is an error
 * (ConfigurationError). The file is renamed into place when it is whole.
 */
export async function writeReport(runFolder: string): Promise<string> {
  const path = join(runFolder, REPORT_FILE);
  await writeFileAtomic(path, renderReport(await readRunData(runFolder)));
  return path;
}
