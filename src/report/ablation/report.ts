import { join } from 'node:path';
import type { AblationOutcome } from '../../ablate/outcome.ts';
import type { Analysis } from '../../ablate/statistics/analysis.ts';
import { writeFileAtomic } from '../../core/files.ts';
import { html } from '../html.ts';
import { renderPage } from '../page.ts';
import { differencesSection } from './differences.ts';
import { ablationMarkdown } from './markdown.ts';

export const ABLATION_FILES = { html: 'ablation.html', markdown: 'ablation.md', json: 'analysis.json' };

/** The whole page as text. */
export function renderAblation(outcome: AblationOutcome, analysis: Analysis): string {
  const { name, question } = outcome.declaration;
  return renderPage({
    title: `${name}: provender ablation`,
    head: html`<p class="kicker">provender ablation</p>
<h1>${name}</h1>
<p>${question}</p>
<p class="verdict">${analysis.verdict.sentence}</p>`,
    sections: [differencesSection(outcome, analysis)],
    charts: [],
    foot: html`<p>Written by provender. This file asks nothing of the network.</p>`,
  });
}

/**
 * Writes ablation.html (one file that needs no other), ablation.md and analysis.json into the folder; each is renamed
 * into place when it is whole. Gives the path of the page.
 */
export async function writeAblationReport(
  folder: string,
  outcome: AblationOutcome,
  analysis: Analysis,
): Promise<string> {
  const page = join(folder, ABLATION_FILES.html);
  await writeFileAtomic(
    join(folder, ABLATION_FILES.json),
    `${JSON.stringify({ ...analysis, outcome }, null, 1)}\n`,
  );
  await writeFileAtomic(join(folder, ABLATION_FILES.markdown), ablationMarkdown(outcome, analysis));
  await writeFileAtomic(page, renderAblation(outcome, analysis));
  return page;
}
