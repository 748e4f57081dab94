import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { stepTable } from '../../src/step-table.ts';
import { STEPS } from '../../src/steps.ts';

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
}

/** Paths of options without a description, and of objects that take unknown options. */
function faults(schema: Schema, path: string): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, option]) => [
    ...(option.description ? [] : [`${path}.${name}: no description`]),
    ...faults(option, `${path}.${name}`),
  ]);
  if (schema.properties && schema.additionalProperties !== false) own.push(`${path}: takes unknown options`);
  const nested = [schema.items, ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter(
    (one) => one !== undefined,
  );
  return [...own, ...nested.flatMap((one) => faults(one, path))];
}

describe('the table of steps', () => {
  it('loads each step under its own kind', async () => {
    expect(STEPS.map(({ kind }) => kind)).toEqual(stepTable.kinds);
    for (const step of STEPS) expect(await stepTable.get(step.kind)).toBe(step);
    expect(await stepTable.get('constructor')).toBeUndefined();
  });

  it('describes every option, and takes no unknown one', () => {
    const found = STEPS.flatMap((step) =>
      faults(z.toJSONSchema(step.options, { io: 'input', unrepresentable: 'any' }) as Schema, step.kind),
    );
    expect([...new Set(found)]).toEqual([]);
  });

  it('names every step once, in kebab case, with a summary of one line', () => {
    const kinds = STEPS.map((step) => step.kind);
    expect(new Set(kinds).size).toBe(kinds.length);
    for (const step of STEPS) {
      expect(step.kind).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(step.summary).toMatch(/^[^\n]{10,110}[^.\n]$/);
    }
  });
});
