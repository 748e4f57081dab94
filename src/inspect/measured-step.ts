import type { z } from 'zod';
import { codeHash } from '../core/code-hash.ts';
import { boundOf, type Rule } from '../core/rules.ts';
import type { Artifact } from '../core/stage.ts';
import type { AnyStep, JudgeStep, StageStep } from '../core/step.ts';

/** A filter whose signals are measured without it dropping anything: plain data, as a worker gets it. */
export interface MeasuredStep {
  readonly name: string;
  readonly kind: string;
  readonly role: 'judge' | 'stage';
  /** The user's own module; else the built-in one is found by `module`, a path inside the package without its ending. */
  readonly use?: string;
  readonly module: string;
  /** Digest of the code behind it: measured anew when that changes. */
  readonly code: string;
  /** Those that measuring depends on: bounds of rules are left open, so that a new threshold measures nothing again. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Files that its options name: their content is measured with. */
  readonly files: readonly string[];
  /** What it measures, in order: columns `NAME.SIGNAL`. */
  readonly signals: readonly string[];
  readonly rules: readonly Rule[];
  /** Whether it refuses by other means than rules: a column `NAME:refused` holds the reasons. */
  readonly refuses: boolean;
  /** Whether it may edit the text: a column `NAME:bytes` holds the size that is left. */
  readonly rewrites: boolean;
}

const root = new URL('../../', import.meta.url).href;

/** `quality/judges/c4` of either src or dist. */
function modulePath(url: string): string {
  for (const folder of ['src/', 'dist/'])
    if (url.startsWith(root + folder)) return url.slice(root.length + folder.length).replace(/\.[jt]s$/, '');
  return url;
}

/** URL of a measured step's module beside this one: source from source, built from built. */
export function moduleUrl(step: MeasuredStep): string {
  if (step.use !== undefined || step.module.startsWith('file:')) return step.module;
  const built = !import.meta.url.endsWith('.ts');
  return `${root}${built ? 'dist' : 'src'}/${step.module}${built ? '.js' : '.ts'}`;
}

/** No number is beyond it: a bound that nothing breaks and that JSON can hold. */
const OPEN = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE } as const;

/** The options with every bound of a rule opened; those that were null say null, and count as well. */
function openBounds(
  rules: readonly Rule[],
  options: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const open: Record<string, unknown> = { ...options };
  for (const { bound, comparison, spareZero } of rules) {
    if (typeof bound === 'string') open[bound] = OPEN[comparison];
    if (spareZero !== undefined) open[spareZero] = false;
  }
  return open;
}

/** How to measure a step's signals, or undefined where it is no filter on single documents. */
export function measuredStep(
  step: AnyStep,
  name: string,
  options: Readonly<Record<string, unknown>>,
  use?: string,
): MeasuredStep | undefined {
  if (step.from !== 'documents' || step.to !== 'documents' || step.needs.length > 0) return undefined;
  const common = {
    name,
    kind: step.kind,
    use,
    module: use === undefined ? modulePath(step.module) : step.module,
    code: codeHash(step.module),
    files: (step.files as ((options: unknown) => readonly string[]) | undefined)?.(options) ?? [],
  };
  if (step.role === 'judge') {
    const { judge } = step as JudgeStep<string, z.ZodType>;
    const { rules = [], signals } = judge;
    const opaque = judge.rules === undefined;
    return {
      ...common,
      role: 'judge',
      options: openBounds(rules, options),
      signals,
      rules,
      refuses: opaque,
      rewrites: false,
    };
  }
  if (step.role !== 'stage') return undefined;
  const { rules = [], signals } = step as unknown as StageStep<
    string,
    z.ZodType,
    'documents',
    'documents',
    Artifact
  >;
  return {
    ...common,
    role: 'stage',
    options: openBounds(rules, options),
    signals: signals ?? [...new Set(rules.map(({ signal }) => signal))],
    rules,
    refuses: true,
    rewrites: true,
  };
}

/** The rules of a step that are on under these options. */
export function activeRules(step: MeasuredStep, options: Readonly<Record<string, unknown>>): Rule[] {
  return step.rules.filter((rule) => boundOf(rule, options) !== null);
}
