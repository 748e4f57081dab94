import type { Analysis } from '../../ablate/statistics/analysis.ts';
import type { Section } from '../figures.ts';
import { absent, html } from '../html.ts';
import { mainSetting } from './differences.ts';

export function controlsSection(analysis: Analysis): Section {
  const { controls } = mainSetting(analysis);
  const frame = { id: 'controls', title: 'Controls' };
  if (controls.length === 0)
    return {
      ...frame,
      body: absent('No controls were run: whether this budget could have seen anything is not known.'),
    };
  return {
    ...frame,
    body: html`<p>A positive control must be seen to be worse, a null control (the same recipe, other seeds) must not be seen; both are judged within the corrected family. One that fails voids the verdict.</p>
<ul class="controls">${controls.map(({ passed, sentence }) => html`<li><span class="result ${passed ? 'passed' : 'failed'}">${passed ? 'as it must be' : 'failed'}</span> ${sentence}</li>`)}</ul>`,
  };
}
