import { findEmails } from './email.ts';
import { findCards, findIbans, findIps, findPhones } from './numbers.ts';

export type PiiKind = 'email' | 'ip' | 'phone' | 'credit-card' | 'iban';

/** Something personal at text[start..end), in UTF-16 units. */
export interface Found {
  readonly kind: PiiKind;
  readonly start: number;
  readonly end: number;
}

export interface PiiOptions {
  readonly emails: boolean;
  readonly ips: boolean;
  readonly publicIpsOnly: boolean;
  readonly phones: boolean;
  readonly creditCards: boolean;
  readonly ibans: boolean;
}

/** What is personal in a text, in order and without overlap: where two kinds claim the same, the first named wins. */
export function findPii(text: string, o: PiiOptions): Found[] {
  const all: Found[] = [];
  if (o.emails) merge(all, findEmails(text));
  for (const more of [
    o.ips ? findIps(text, o.publicIpsOnly) : [],
    o.ibans ? findIbans(text) : [],
    o.creditCards ? findCards(text) : [],
    o.phones ? findPhones(text) : [],
  ])
    if (more.length > 0) merge(all, more);
  return all;
}

/** Adds to an ordered list what overlaps nothing in it. Both lists are ordered. */
function merge(all: Found[], more: readonly Found[]): void {
  const merged: Found[] = [];
  let i = 0;
  for (const found of more) {
    while (i < all.length && all[i]!.end <= found.start) merged.push(all[i++]!);
    if (i === all.length || all[i]!.start >= found.end) merged.push(found);
  }
  for (; i < all.length; i++) merged.push(all[i]!);
  all.length = 0;
  for (const found of merged) all.push(found);
}
