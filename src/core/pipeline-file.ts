import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { LineCounter, parseDocument, type Document as YamlDocument } from 'yaml';
import { z } from 'zod';
import { ConfigurationError, classifySystemError } from './errors.ts';
import {
  meant,
  type OptionOrigin,
  type OptionPath,
  type OptionProblem,
  optionProblems,
  problemLines,
  type Setting,
} from './option-errors.ts';
import type { AnyStep, StepSpec } from './step.ts';

const bytes = (text: string) =>
  z
    .union([z.int().positive(), z.string().regex(/^\d+(\.\d+)?\s*([KMGT]i?B?)?$/)])
    .transform((value, context) => {
      const parsed = parseBytes(value);
      if (Number.isSafeInteger(parsed) && parsed > 0) return parsed;
      context.addIssue({ code: 'custom', message: 'not a number of bytes' });
      return z.NEVER;
    })
    .describe(text);

/** Bytes from `67108864`, `64MiB`, `1.5 GB`. */
export function parseBytes(value: string | number): number {
  if (typeof value === 'number') return value;
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGT])(i?)B?)?$/.exec(value);
  if (!match) return Number.NaN;
  const power = match[2] ? 'KMGT'.indexOf(match[2]) + 1 : 0;
  return Math.round(Number(match[1]) * (match[3] ? 1024 : 1000) ** power);
}

/** How a run is carried out. Only the options marked so can change what comes out. */
export const RunOptions = z.strictObject({
  workers: z
    .union([z.int().min(1).max(256), z.literal('auto')])
    .default('auto')
    .describe('threads that work on partitions; auto: one a core'),
  partitionBytes: z
    .union([bytes('input bytes a partition'), z.literal('auto')], {
      error: 'expected a number of bytes (67108864, 64MiB) or auto',
    })
    .default('auto')
    .describe(
      'input bytes a partition; decides how the work is cut, not what comes out; auto: 4 to 64 MiB, for 16 partitions or more',
    ),
  partBytes: bytes('bytes of input after which a task commits a part and a cursor').default(32 * 2 ** 20),
  batchBytes: bytes('text bytes a batch').default(2 ** 20),
  batchDocuments: z.int().min(1).default(512).describe('documents a batch, at most'),
  rejects: z
    .enum(['keep', 'ledger'])
    .default('keep')
    .describe('keep refused documents with their text, or only the ledger of who and why'),
  maxBadFraction: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('fail where more than this fraction of the records of a partition cannot be read'),
  retries: z
    .int()
    .min(0)
    .max(20)
    .default(3)
    .describe('how often a task is tried again after an error that may pass'),
  timeCapSeconds: z
    .number()
    .positive()
    .default(60)
    .describe('a document that keeps a worker longer is set aside'),
  deviceWatts: z
    .number()
    .positive()
    .optional()
    .describe(
      'watts that the machine or GPU takes while it trains, for the estimate of energy; default: as measured, else 8 a thread',
    ),
  minFreeBytes: bytes('do not start or go on with less free disk').default(256 * 2 ** 20),
});
export type RunOptions = z.infer<typeof RunOptions>;

/** Becomes a folder's name: not `.` or `..`. */
const NAME = /^(?!\.+$)[\w.-]+$/;

export const PipelineHead = z.strictObject({
  name: z.string().regex(NAME, 'letters, digits, dots, dashes').describe('names the run directory'),
  seed: z.int().min(0).default(1).describe('all randomness comes from it'),
  run: RunOptions.prefault({}),
  steps: z.array(z.unknown()).min(1).describe('in the order in which documents go through them'),
});

/** A pipeline as everything holds it: data, all options resolved. */
export interface PipelineSpec {
  readonly name: string;
  readonly seed: number;
  readonly run: RunOptions;
  readonly steps: readonly StepSpec[];
  /** Folder from which relative paths in options are taken. */
  readonly baseFolder: string;
}

export interface StepTable {
  get(kind: string): AnyStep | undefined | Promise<AnyStep | undefined>;
  readonly kinds: readonly string[];
  /** Loads a user's own step from a module path; gives the step and what the workers import. */
  loadUserStep(path: string): Promise<{ step: AnyStep; use: string }>;
}

/**
 * `path=value`; the value is YAML. Paths: `seed`, `run.workers`, `steps[2].length.minWords`, or `length.minWords`. Gives
 * the option that was set, by its path from the top. `shown` is what the user wrote.
 */
export function applyOverride(
  plain: Record<string, unknown>,
  override: string,
  shown: string = override,
): OptionPath {
  const equals = override.indexOf('=');
  if (equals < 1) throw new ConfigurationError(`--set ${shown}: expected PATH=VALUE`);
  const path = override
    .slice(0, equals)
    .replace(/\[(\d+)\]/g, '.$1')
    .split('.');
  const yaml = parseDocument(override.slice(equals + 1), { prettyErrors: false });
  if (yaml.errors.length) throw new ConfigurationError(`--set ${shown}: ${yaml.errors[0]!.message}`);
  if (path.some((part) => part === '' || part === '__proto__'))
    throw new ConfigurationError(`--set ${shown}: expected PATH=VALUE, with a path like length.minWords`);
  const value: unknown = yaml.toJS();
  let at: unknown = plain;
  const whole: (string | number)[] = [];
  const head = path[0]!;
  if (!HEAD.includes(head)) {
    const steps = Array.isArray(plain.steps) ? (plain.steps as unknown[]) : [];
    const i = placeOfStep(steps, head, `--set ${shown}`, HEAD);
    const step = steps[i];
    if (typeof step === 'string') steps[i] = { [step]: {} };
    const entry = steps[i] as Record<string, unknown>;
    const kind = stepKindOf(entry)!;
    const key = kind === 'use' ? 'with' : kind;
    entry[key] ??= {};
    at = entry[key];
    whole.push('steps', i, key);
    path.shift();
    if (path.length === 0)
      throw new ConfigurationError(
        `--set ${shown}: name an option of step '${head}'; see \`provender steps ${kind}\``,
      );
  }
  for (const part of path.slice(0, -1)) {
    const parent = at as Record<string, unknown>;
    if (Array.isArray(parent) && !(part in parent))
      throw new ConfigurationError(
        `--set ${shown}: there is no number ${part}, only 0 to ${parent.length - 1}`,
      );
    if (parent[part] === undefined || parent[part] === null) parent[part] = {};
    // A step of a list may be its bare name.
    if (Array.isArray(parent) && typeof parent[part] === 'string' && parent === plain.steps)
      (parent as unknown[])[Number(part)] = { [parent[part] as string]: {} };
    if (typeof parent[part] !== 'object')
      throw new ConfigurationError(`--set ${shown}: '${part}' has no options`);
    at = parent[part];
  }
  if (at === null || typeof at !== 'object')
    throw new ConfigurationError(`--set ${shown}: '${path.slice(0, -1).join('.') || head}' has no options`);
  (at as Record<string, unknown>)[path.at(-1)!] = value;
  return [...whole, ...path.map((part) => (/^\d+$/.test(part) ? Number(part) : part))];
}

/** What a path may begin with beside the name of a step. */
const HEAD = ['name', 'seed', 'run', 'steps'];

/**
 * Where in `steps` the one is that answers to a name. `others`: what else may stand there, for whoever misspelt it.
 * @throws ConfigurationError, which begins with `who`, where none does, or several do
 */
export function placeOfStep(
  steps: readonly unknown[],
  name: string,
  who: string,
  others: readonly string[] = [],
): number {
  const found = steps.flatMap((step, i) => (stepAnswersTo(step, name) ? [i] : []));
  if (found.length === 1) return found[0]!;
  if (found.length === 0)
    throw new ConfigurationError(
      `${who}: no step is called '${name}'${meant(name, [...others, ...steps.flatMap(stepNames)])}`,
    );
  const which = found.map((i) => `steps[${i}]`).join(', ');
  throw new ConfigurationError(`${who}: several steps are called '${name}'; expected one of ${which}`);
}

/** The names that an entry of `steps` goes by in a path. */
function stepNames(step: unknown): string[] {
  if (typeof step === 'string') return [step];
  if (step === null || typeof step !== 'object') return [];
  const { name, use } = step as { name?: unknown; use?: unknown };
  const own = typeof name === 'string' ? [name] : [];
  return typeof use === 'string' ? [...own, fileName(use)] : [...own, stepKindOf(step) ?? ''];
}

/** Of a user's own step, which goes by it before it is read. */
function fileName(use: string): string {
  return basename(use).replace(/\.\w+$/, '');
}

/** The key of an entry of `steps` that names what the step is. */
export function stepKindOf(entry: object): string | undefined {
  return Object.keys(entry).find((key) => key !== 'name' && key !== 'with');
}

/** Whether an entry of `steps` goes by this name: its own, its kind, or that of the file that defines it. */
export function stepAnswersTo(step: unknown, name: string): boolean {
  if (typeof step === 'string') return step === name;
  if (step === null || typeof step !== 'object') return false;
  const { name: own, use } = step as { name?: string; use?: unknown };
  if (own === name || stepKindOf(step) === name) return true;
  return typeof use === 'string' && fileName(use) === name;
}

async function resolveStep(
  entry: unknown,
  i: number,
  table: StepTable,
  baseFolder: string,
  problems: OptionProblem[],
): Promise<StepSpec | undefined> {
  const path: (string | number)[] = ['steps', i];
  const object: Record<string, unknown> =
    typeof entry === 'string' ? { [entry]: {} } : ((entry ?? {}) as Record<string, unknown>);
  if (typeof object !== 'object' || Array.isArray(object)) {
    problems.push({ message: 'a step is a name, or one name with its options', path });
    return undefined;
  }
  const kinds = Object.keys(object).filter((key) => key !== 'name' && key !== 'with');
  if (kinds.length !== 1) {
    problems.push({
      message: `a step has one name, not ${kinds.length ? kinds.map((kind) => `'${kind}'`).join(' and ') : 'none'}`,
      path,
    });
    return undefined;
  }
  const kind = kinds[0]!;
  const name = object.name as string | undefined;
  if (name !== undefined && (typeof name !== 'string' || !NAME.test(name))) {
    problems.push({ message: 'a name is made of letters, digits, dots and dashes', path: [...path, 'name'] });
  }
  let step: AnyStep | undefined;
  let use: string | undefined;
  if (kind === 'use') {
    try {
      const loaded = await table.loadUserStep(resolve(baseFolder, String(object.use)));
      step = loaded.step;
      use = loaded.use;
    } catch (error) {
      problems.push({ message: (error as Error).message, path: [...path, 'use'] });
      return undefined;
    }
  } else {
    step = await table.get(kind);
    if ('with' in object)
      problems.push({
        message: `'with' goes with 'use'; give the options under '${kind}'`,
        path,
        key: 'with',
      });
  }
  if (!step) {
    problems.push({
      message: `no step is called '${kind}'${meant(kind, table.kinds, 'see `provender steps`')}`,
      path,
      key: kind,
    });
    return undefined;
  }
  const optionsKey = kind === 'use' ? 'with' : kind;
  const parsed = step.options.safeParse(object[optionsKey] ?? {});
  if (!parsed.success) {
    problems.push(...optionProblems(parsed.error, step.options, [...path, optionsKey]));
    return undefined;
  }
  return {
    kind: step.kind,
    name: name ?? step.kind,
    options: parsed.data as Record<string, unknown>,
    ...(use ? { use } : {}),
  };
}

/** `length`, `length-2`, `length-3`: what no step before has. */
function freeName(spec: StepSpec, before: readonly StepSpec[]): string {
  const taken = new Set(before.map((other) => other.name));
  if (!taken.has(spec.name)) return spec.name!;
  let number = before.filter((other) => other.kind === spec.kind || other.name === spec.name).length + 1;
  while (taken.has(`${spec.name}-${number}`)) number++;
  return `${spec.name}-${number}`;
}

/** Checks a parsed pipeline against the schemas; throws one ConfigurationError that lists every problem with its place. */
export async function resolvePipeline(
  plain: Record<string, unknown>,
  table: StepTable,
  where: OptionOrigin & { readonly baseFolder: string },
): Promise<PipelineSpec> {
  const problems: OptionProblem[] = [];
  const head = PipelineHead.safeParse(plain);
  if (!head.success) problems.push(...optionProblems(head.error, PipelineHead, []));
  const entries = Array.isArray(plain.steps) ? plain.steps : [];
  const steps: StepSpec[] = [];
  for (let i = 0; i < entries.length; i++) {
    const spec = await resolveStep(entries[i], i, table, where.baseFolder, problems);
    if (spec) {
      steps.push({ ...spec, name: freeName(spec, steps) });
    }
  }
  if (problems.length || !head.success) {
    throw new ConfigurationError(problemLines(problems, where).join('\n'));
  }
  return {
    name: head.data.name,
    seed: head.data.seed,
    run: head.data.run,
    steps,
    baseFolder: where.baseFolder,
  };
}

/** Reads a pipeline file. Errors name file, line, column and the option's path. */
export async function readPipelineFile(
  path: string,
  table: StepTable,
  overrides: readonly string[] = [],
): Promise<PipelineSpec> {
  const { plain, document, counter } = await readYamlMapping(path, 'a pipeline file', "'name' and 'steps'");
  const settings = overrides.map((text): Setting => ({ text, path: applyOverride(plain, text) }));
  const baseFolder = dirname(resolve(path));
  return resolvePipeline(plain, table, { file: path, baseFolder, document, counter, settings });
}

/** A YAML file as a mapping, with what finds the lines of its parts. */
export interface YamlMapping {
  readonly plain: Record<string, unknown>;
  readonly document: YamlDocument;
  readonly counter: LineCounter;
}

/** Reads `what` (for messages), a mapping with `keys`. @throws ConfigurationError with file, line and column */
export async function readYamlMapping(path: string, what: string, keys: string): Promise<YamlMapping> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new ConfigurationError(classifySystemError(error, { file: path }).message);
  });
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  if (document.errors.length) {
    throw new ConfigurationError(
      document.errors
        .map((error) => {
          const { line, col } = counter.linePos(error.pos[0]);
          return `${path}:${line}:${col}: ${error.message}`;
        })
        .join('\n'),
    );
  }
  const plain = document.toJS() as unknown;
  if (plain === null || typeof plain !== 'object' || Array.isArray(plain)) {
    throw new ConfigurationError(`${path}:1:1: ${what} is a mapping with ${keys}`);
  }
  return { plain: plain as Record<string, unknown>, document, counter };
}

/** Checks plain options against a schema; problems are told with where they stand and the option's path. */
export function parseOptions<S extends z.ZodType>(
  schema: S,
  plain: unknown,
  where: OptionOrigin & { readonly path?: OptionPath },
): z.output<S> {
  const parsed = schema.safeParse(plain);
  if (parsed.success) return parsed.data;
  const problems = optionProblems(parsed.error, schema, where.path ?? []);
  throw new ConfigurationError(problemLines(problems, where).join('\n'));
}

/** Options of one step that a command takes by `--set`, on top of those of `base`: `rows=4` for `train.rows=4`. */
export function setOptions<S extends z.ZodType>(
  kind: string,
  schema: S,
  overrides: readonly string[],
  base: Record<string, unknown> = {},
): z.output<S> {
  const plain = { steps: [{ [kind]: base }] };
  const settings = overrides.map((text): Setting => {
    const [, , ...path] = applyOverride(plain, `${kind}.${text}`, text);
    return { text, path };
  });
  return parseOptions(schema, plain.steps[0]![kind], { settings, path: [kind] });
}

/** The JSON Schema of a pipeline file, for editors. */
export function pipelineJsonSchema(steps: readonly AnyStep[]): object {
  const schemaOf = (type: z.ZodType) => {
    const { $schema: _, ...schema } = z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Record<
      string,
      unknown
    >;
    return schema;
  };
  const head = schemaOf(PipelineHead) as { properties: Record<string, object> };
  const name = { type: 'string', description: 'names this step apart from its kind' };
  const one = (kind: string, schema: object, summary: string) => ({
    type: 'object',
    description: summary,
    properties: { name, [kind]: schema },
    required: [kind],
    additionalProperties: false,
  });
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'provender pipeline',
    ...head,
    properties: {
      ...head.properties,
      steps: {
        type: 'array',
        minItems: 1,
        items: {
          anyOf: [
            { type: 'string', enum: steps.map((step) => step.kind) },
            ...steps.map((step) => one(step.kind, schemaOf(step.options), step.summary)),
            {
              type: 'object',
              description: "a user's own step",
              required: ['use'],
              additionalProperties: false,
              properties: {
                name,
                use: { type: 'string', description: 'path of its module' },
                with: { type: 'object' },
              },
            },
          ],
        },
      },
    },
  };
}
