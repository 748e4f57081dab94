import { z } from 'zod';
import { defineStage } from '../../core/step.ts';
import { drop } from '../../core/verdict.ts';
import { type Found, findPii, type PiiKind } from '../pii/find.ts';
import { type Rewritten, rewriteStage } from '../rewrite.ts';

const replacements = (value: string[], what: string) =>
  z
    .array(z.string())
    .min(1)
    .default(value)
    .describe(`put in the place of ${what}, in turn within a document`);

const options = z.strictObject({
  mode: z
    .enum(['redact', 'drop'])
    .default('redact')
    .describe('replace what is found, or drop the documents that have any'),
  emails: z.boolean().default(true).describe('look for e-mail addresses'),
  ips: z.boolean().default(true).describe('look for IPv4 addresses'),
  publicIpsOnly: z.boolean().default(true).describe('leave addresses of private and reserved networks alone'),
  phones: z.boolean().default(false).describe('look for telephone numbers'),
  creditCards: z.boolean().default(false).describe('look for payment card numbers with a right checksum'),
  ibans: z.boolean().default(false).describe('look for bank account numbers (IBAN) with a right checksum'),
  emailReplacements: replacements(
    ['email@example.com', 'firstname.lastname@example.org'],
    'an e-mail address',
  ),
  ipReplacements: replacements(
    ['22.214.171.124', '126.96.36.199', '188.8.131.52', '184.108.40.206', '220.127.116.11', '18.104.22.168'],
    'an IP address',
  ),
  phoneReplacements: replacements(['+1 202-555-0100'], 'a telephone number'),
  creditCardReplacements: replacements(['0000 0000 0000 0000'], 'a card number'),
  ibanReplacements: replacements(['XX00 0000 0000 0000'], 'a bank account number'),
});
export type RedactOptions = z.infer<typeof options>;

/**
 * Personal data: e-mail and public IPv4 addresses as datatrove 0.10 finds and replaces them (PIIFormatter, its
 * replacements), and, where asked, telephone, card and bank account numbers. Unlike datatrove's, the turn of the
 * replacements begins anew with each document, so that a text's outcome does not depend on those before it.
 */
export const redactPii = defineStage({
  kind: 'redact-pii',
  summary:
    'replaces e-mail and IP addresses, telephone, card and bank account numbers, or drops what has them',
  module: import.meta.url,
  options,
  from: 'documents',
  to: 'documents',
  needs: [],
  signals: ['found'],
  open: (o, context) =>
    rewriteStage(context, (document) => {
      const found = findPii(document.text, o);
      for (const { kind } of found) context.count(kind);
      return redact(document.text, found, o);
    }),
});

/** The text with all that was found replaced; every character outside the ranges found stays as it is. */
export function redact(text: string, found: readonly Found[], o: RedactOptions): Rewritten {
  if (found.length > 0 && o.mode === 'drop') return drop('personal-data', found.length, 0, found[0]!.kind);
  const lists: Record<PiiKind, readonly string[]> = {
    email: o.emailReplacements,
    ip: o.ipReplacements,
    phone: o.phoneReplacements,
    'credit-card': o.creditCardReplacements,
    iban: o.ibanReplacements,
  };
  const turns: Record<PiiKind, number> = { email: 0, ip: 0, phone: 0, 'credit-card': 0, iban: 0 };
  const parts: string[] = [];
  let at = 0;
  for (const { kind, start, end } of found) {
    const list = lists[kind];
    parts.push(text.slice(at, start), list[turns[kind]++ % list.length]!);
    at = end;
  }
  return {
    text: found.length === 0 ? text : parts.join('') + text.slice(at),
    signals: { 'redact-pii.found': found.length },
  };
}
