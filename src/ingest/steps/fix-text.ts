import { z } from 'zod';
import { defineStage } from '../../core/step.ts';
import { rewriteStage } from '../../quality/rewrite.ts';
import { repairMojibake } from '../mojibake.ts';

const options = z.strictObject({
  mojibake: z
    .boolean()
    .default(true)
    .describe('repair UTF-8 that was read as windows-1252 or Latin-1 (`FranÃ§ais`)'),
  unicode: z
    .enum(['NFC', 'NFKC', 'none'])
    .default('NFC')
    .describe('Unicode normalization form (UAX 15); NFKC also unifies ligatures, widths and the like'),
  controls: z
    .enum(['remove', 'keep'])
    .default('remove')
    .describe('control characters but tab and line feed, soft hyphens, zero-width spaces, BOMs'),
  newlines: z.boolean().default(true).describe('turn \\r\\n and \\r into \\n'),
});
export type FixTextOptions = z.output<typeof options>;

/** Not ZWJ and ZWNJ (U+200D, U+200C): scripts and emoji are written with them. */
const INVISIBLE = /[\p{Cc}\u00ad\u200b\u2060\ufeff]/gu;

/** The text with what reading it wrongly did to it undone. Idempotent. */
export function fixText(text: string, options: FixTextOptions): string {
  let fixed = text;
  if (options.newlines) fixed = fixed.replace(/\r\n?/g, '\n');
  if (options.mojibake) fixed = repairMojibake(fixed);
  if (options.controls === 'remove')
    fixed = fixed.replace(INVISIBLE, (char) => (char === '\n' || char === '\t' || char === '\r' ? char : ''));
  return options.unicode === 'none' ? fixed : fixed.normalize(options.unicode);
}

/** Repairs texts that were decoded wrongly, and brings them into one form, as ftfy's users expect. */
export const fixTextStep = defineStage({
  kind: 'fix-text',
  summary: 'repairs wrongly decoded text, normalizes Unicode and line ends, removes control characters',
  module: import.meta.url,
  options,
  from: 'documents',
  to: 'documents',
  needs: [],
  open: (o, context) =>
    rewriteStage(context, (document) => {
      const text = fixText(document.text, o);
      if (text !== document.text) context.count('changed');
      return { text };
    }),
});
