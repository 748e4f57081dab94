import { digestOf } from './hash.ts';

/** Everything that an output depends on, flat: `steps.length.minWords`, `code.length`, `seed`, `inputs.3.digest`. */
export type FingerprintFields = Readonly<Record<string, string | number | boolean | null>>;

export interface Fingerprint {
  readonly hash: string;
  readonly fields: FingerprintFields;
}

/** Flattens nested options into dotted fields. */
export function flatten(
  value: unknown,
  prefix: string,
  into: Record<string, string | number | boolean | null>,
): void {
  if (value === undefined) return;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') into[prefix] = value;
  else if (typeof value === 'number') into[prefix] = value;
  else if (Array.isArray(value)) {
    into[`${prefix}.length`] = value.length;
    value.forEach((member, i) => {
      flatten(member, `${prefix}.${i}`, into);
    });
  } else {
    for (const [key, member] of Object.entries(value as object)) flatten(member, `${prefix}.${key}`, into);
  }
}

export function fingerprint(parts: Readonly<Record<string, unknown>>): Fingerprint {
  const fields: Record<string, string | number | boolean | null> = {};
  for (const [name, part] of Object.entries(parts)) flatten(part, name, fields);
  return { hash: digestOf(fields), fields };
}

/** What differs between two fingerprints, said for a person: `length.minWords: 50 -> 40`. */
export function differences(before: FingerprintFields, after: FingerprintFields): string[] {
  const changed: string[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[name] === after[name]) continue;
    const isDigest = name.startsWith('code.') || name.includes('digest');
    if (isDigest) changed.push(`${name} changed`);
    else changed.push(`${name}: ${show(before[name])} -> ${show(after[name])}`);
  }
  return changed;
}

function show(value: string | number | boolean | null | undefined): string {
  return value === undefined ? '(not set)' : JSON.stringify(value);
}
