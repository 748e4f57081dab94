import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis } from '../../ablate/statistics/analysis.ts';
import { writeFileAtomic } from '../../core/files.ts';
import { packageRoot } from '../../io/package-root.ts';
import type { Chart } from '../chart-script.ts';
import { html } from '../html.ts';
import { renderPage } from '../page.ts';
import { armsSection } from './arms.ts';
import { certaintySection } from './certainty.ts';
import { controlsSection } from './controls.ts';
import { curvesSection } from './curves.ts';
import { differencesSection } from './differences.ts';
import { headOf } from './head.ts';
import { ablationMarkdown } from './markdown.ts';
import { probesSection } from './probes.ts';
import { receiptsSection } from './receipts.ts';
import { settingsSection } from './settings.ts';
import { ABLATION_STYLE } from './style.ts';

export const ABLATION_FILES = { html: 'ablation.html', markdown: 'ablation.md', json: 'analysis.json' };

/** The whole page as text: it depends on what it is given and on the version of provender alone. */
export function renderAblation(outcome: AblationOutcome, analysis: Analysis): string {
  const charts: Chart[] = [];
  const sections = [
    differencesSection(outcome, analysis),
    controlsSection(analysis),
    certaintySection(outcome, analysis),
    settingsSection(outcome, analysis),
    curvesSection(outcome, analysis, charts),
    probesSection(outcome, analysis),
    armsSection(outcome),
    receiptsSection(outcome),
  ].filter((section) => section !== undefined);
  return renderPage({
    title: `${outcome.declaration.name}: provender ablation`,
    head: headOf(outcome, analysis),
    sections,
    charts,
    style: ABLATION_STYLE,
    foot: html`<p>Written by provender ${version()}. This file asks nothing of the network.</p>`,
  });
}

/**
 * Writes ablation.html (one file that needs no other), ablation.md and analysis.json into the folder; each is renamed
 * into place when it is whole. Gives the path of the page. The same outcome gives the same bytes.
 */
export async function writeAblationReport(
  folder: string,
  outcome: AblationOutcome,
  analysis: Analysis,
): Promise<string> {
  const page = join(folder, ABLATION_FILES.html);
  await writeFileAtomic(join(folder, ABLATION_FILES.json), `${JSON.stringify(analysis, null, 1)}\n`);
  await writeFileAtomic(join(folder, ABLATION_FILES.markdown), ablationMarkdown(outcome, analysis));
  await writeFileAtomic(page, renderAblation(outcome, analysis));
  return page;
}

function version(): string {
  const file = readFileSync(join(packageRoot(), 'package.json'), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
