import pc from 'picocolors';
import { z } from 'zod';
import { ConfigurationError } from '../core/errors.ts';
import { pipelineJsonSchema } from '../core/pipeline-file.ts';
import { ARTIFACT_NAMES } from '../core/stage.ts';
import type { AnyStep } from '../core/step.ts';
import { STEPS } from '../steps.ts';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
}

function schemaOf(step: AnyStep): JsonSchema {
  return z.toJSONSchema(step.options, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => String(value)).join(' | ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.type === 'array') return `${schema.items ? typeOf(schema.items) : 'any'}[]`;
  return String(schema.type ?? 'any');
}

function optionLines(schema: JsonSchema, indent: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const need =
      schema.required?.includes(name) && option.default === undefined ? pc.yellow(' (required)') : '';
    const preset = option.default === undefined ? '' : ` = ${pc.green(JSON.stringify(option.default))}`;
    const head = `${indent}${pc.bold(name)}: ${pc.cyan(typeOf(option))}${preset}${need}`;
    const lines = [option.description ? `${head}\n${indent}    ${option.description}` : head];
    const nested = option.properties ? option : option.items?.properties ? option.items : undefined;
    return nested ? [...lines, ...optionLines(nested, `${indent}  `)] : lines;
  });
}

function flowOf(step: AnyStep): string {
  const artifacts = [
    ...step.needs.map((name) => `needs ${ARTIFACT_NAMES[name]}`),
    ...step.gives.map((name) => `gives ${ARTIFACT_NAMES[name]}`),
  ];
  const flow = step.role === 'job' ? [] : [`${step.from} -> ${step.to}`];
  return [...flow, ...artifacts].join(', ');
}

/** `provender steps [KIND]`: every step with its options and defaults, from the schemas. */
export function stepsText(kind: string | undefined): string {
  if (kind === undefined) {
    const width = Math.max(...STEPS.map((step) => step.kind.length));
    const lines = STEPS.map((step) => `${pc.bold(step.kind.padEnd(width))}  ${step.summary}`);
    return `${lines.join('\n')}\n\nprovender steps KIND shows a step's options.\n`;
  }
  const step = STEPS.find((one) => one.kind === kind);
  if (!step) throw new ConfigurationError(`no step is called '${kind}'; \`provender steps\` lists them`);
  const options = optionLines(schemaOf(step), '  ');
  return `${pc.bold(step.kind)}  ${step.summary}\n${pc.dim(flowOf(step))}\n\n${options.length ? options.join('\n') : '  (no options)'}\n`;
}

/** The same for machines. */
export function stepsJson(): string {
  return JSON.stringify(
    STEPS.map((step) => ({
      kind: step.kind,
      summary: step.summary,
      role: step.role,
      from: step.from,
      to: step.to,
      needs: step.needs,
      gives: step.gives,
      options: schemaOf(step),
    })),
  );
}

export function schemaText(): string {
  return `${JSON.stringify(pipelineJsonSchema(STEPS), null, 2)}\n`;
}
