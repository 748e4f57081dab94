import pc from 'picocolors';
import { printable } from '../core/format.ts';
import type { Filled } from '../train/fill-mask.ts';
import type { GeneratedToken } from '../train/generate.ts';
import type { SampleContext, SampleOptions } from '../train/steps/generate.ts';

const percent = (probability: number): string => `${(100 * probability).toFixed(1)} %`;

function others(top: readonly { readonly text: string; readonly probability: number }[]): string {
  return top.map((one) => `${JSON.stringify(one.text)} ${percent(one.probability)}`).join('  ');
}

/** Prints texts as they come: the prompt bold and what is written on from it, or a line for each token. */
export function sampleView(
  settings: Pick<SampleOptions, 'prompts' | 'count'>,
  showProbabilities: boolean,
): Pick<SampleContext, 'onText' | 'onToken'> {
  if (showProbabilities) return { onToken: (token) => process.stdout.write(tokenLine(token)) };
  let shown = -1;
  return {
    onText(text, index) {
      if (index !== shown) {
        const prompt = settings.prompts[Math.floor(index / settings.count)]!;
        process.stdout.write(`${shown < 0 ? '' : '\n\n'}${pc.bold(printable(prompt))}`);
        shown = index;
      }
      process.stdout.write(printable(text));
    },
  };
}

function tokenLine({ index, text, probability, top }: GeneratedToken): string {
  const token = pc.bold(JSON.stringify(text).padEnd(16));
  return `${String(index).padStart(4)}  ${token} ${percent(probability).padStart(7)}   ${pc.dim(others(top))}\n`;
}

/** The text with its masks filled, and a line for each mask. */
export function filledLines({ text, masks }: Filled): string {
  const lines = masks.map(({ top }, i) => `${String(i).padStart(4)}  ${others(top)}`);
  return `${pc.bold(printable(text))}\n${lines.join('\n')}\n`;
}
