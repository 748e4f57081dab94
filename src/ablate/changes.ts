/** Changes to a pipeline: options set, steps inserted, removed, moved. */

import { ConfigurationError } from '../core/errors.ts';
import { flatten } from '../core/fingerprint.ts';
import { applyOverride, placeOfStep } from '../core/pipeline-file.ts';
import type { StepSpec } from '../core/step.ts';
import type { ArmOptions } from './file.ts';
import type { ArmOutcome } from './outcome.ts';

export type Changes = Pick<ArmOptions, 'set' | 'remove' | 'insert' | 'move'>;

type Plain = Record<string, unknown> & { steps: unknown[] };

/**
 * The pipeline with the changes made; the one given stays as it is. Steps are taken out last, so that what comes in
 * their place can be put before or after them. `arm` is for messages.
 */
export function changed(pipeline: Readonly<Record<string, unknown>>, changes: Changes, arm: string): Plain {
  const plain = structuredClone(pipeline) as Plain;
  for (const [path, value] of Object.entries(changes.set)) {
    try {
      applyOverride(plain, `${path}=${JSON.stringify(value)}`);
    } catch (error) {
      throw new ConfigurationError(`arm ${arm}: ${(error as Error).message.replace(/^--set /, 'set ')}`);
    }
  }
  // Objects tell two steps of one kind apart.
  plain.steps = plain.steps.map((step) => (typeof step === 'string' ? { [step]: {} } : step));
  const gone = new Set(changes.remove.map((name) => plain.steps[placeOf(plain, name, arm)]));
  for (const { step, ...place } of changes.move) {
    const [entry] = plain.steps.splice(placeOf(plain, step, arm), 1);
    plain.steps.splice(target(plain, place, arm), 0, entry);
  }
  for (const { step, ...place } of changes.insert) {
    plain.steps.splice(target(plain, place, arm), 0, structuredClone(step));
  }
  plain.steps = plain.steps.filter((step) => !gone.has(step));
  return plain;
}

function placeOf(plain: Plain, name: string, arm: string): number {
  const index = /^steps\[(\d+)\]$/.exec(name)?.[1];
  if (index !== undefined && Number(index) < plain.steps.length) return Number(index);
  return placeOfStep(plain.steps, name, `arm ${arm}`);
}

function target(plain: Plain, place: { before?: string; after?: string }, arm: string): number {
  const { before, after } = place;
  if ((before === undefined) === (after === undefined))
    throw new ConfigurationError(
      `arm ${arm}: say of a step either what it goes before or what it goes after`,
    );
  return before === undefined ? placeOf(plain, after!, arm) + 1 : placeOf(plain, before, arm);
}

/** What differs between two lists of steps, option by option; a step that is not there is null. */
export function differencesOf(base: readonly StepSpec[], arm: readonly StepSpec[]): ArmOutcome['changes'] {
  const found: { path: string; from: unknown; to: unknown }[] = [];
  const byName = (steps: readonly StepSpec[]) => new Map(steps.map((step) => [step.name!, step]));
  const [before, after] = [byName(base), byName(arm)];
  for (const [name, step] of before) {
    const other = after.get(name);
    if (other === undefined) found.push({ path: name, from: step.options, to: null });
    else found.push(...optionDifferences(name, step, other));
  }
  for (const [name, step] of after)
    if (!before.has(name)) found.push({ path: name, from: null, to: step.options });
  const common = (steps: readonly StepSpec[]) =>
    steps.map((step) => step.name!).filter((name) => before.has(name) && after.has(name));
  const [from, to] = [common(base), common(arm)];
  if (from.join() !== to.join()) found.push({ path: 'order', from, to });
  return found;
}

function optionDifferences(
  name: string,
  a: StepSpec,
  b: StepSpec,
): { path: string; from: unknown; to: unknown }[] {
  const [from, to]: Record<string, string | number | boolean | null>[] = [{}, {}];
  flatten(a.options, name, from!);
  flatten(b.options, name, to!);
  const paths = new Set([...Object.keys(from!), ...Object.keys(to!)]);
  return [...paths]
    .filter((path) => from![path] !== to![path])
    .map((path) => ({ path, from: from![path] ?? null, to: to![path] ?? null }));
}

/** The changes in a line: "without gopher-quality, length.minWords 20 -> 50". */
export function describeChanges(changes: ArmOutcome['changes']): string {
  const said = changes.map(({ path, from, to }) => {
    if (path === 'order') return `steps in the order ${(to as string[]).join(', ')}`;
    if (to === null && typeof from === 'object') return `without ${path}`;
    if (from === null && typeof to === 'object') return `with ${path}${describeOptions(to as object)}`;
    return `${path} ${show(from)} -> ${show(to)}`;
  });
  return said.join(', ') || 'nothing changed';
}

function describeOptions(options: object): string {
  const plain = Object.entries(options).filter(([, value]) => typeof value !== 'object');
  return plain.length ? ` (${plain.map(([key, value]) => `${key} ${String(value)}`).join(', ')})` : '';
}

function show(value: unknown): string {
  return value === null ? 'none' : String(value);
}
