import { bytes, count, quantity, table } from '../core/format.ts';
import { resolveModel } from '../train/model/options.ts';
import { modelPresets, presetVocabulary } from '../train/model/presets.ts';
import { openObjective } from '../train/objectives/registry.ts';
import { planTraining } from '../train/plan.ts';

export interface ModelsCommandOptions {
  readonly vocabulary?: number;
  readonly json?: boolean;
}

interface Row {
  readonly name: string;
  readonly family: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly context: number;
  readonly vocabulary: number;
  readonly parameters: number;
  readonly parametersButInputEmbedding: number;
  readonly trainingFlopsPerToken: number;
  readonly memoryBytes: number;
}

/** A preset at its full context, one row a step. */
function rowOf(name: keyof typeof modelPresets, vocabulary: number): Row {
  const shape = resolveModel({ preset: name, vocabulary });
  const { family, layers, width, heads, context } = shape;
  const objective = openObjective(family === 'bert' ? { kind: 'masked' } : { kind: 'causal' }, {
    vocabulary,
    length: context,
    specialTokens: [],
    maskToken: 0,
  });
  const plan = planTraining({ shape, objective, rows: 1, length: context, accumulate: 1, steps: 1 });
  const { parameters, parts, trainingFlopsPerToken } = plan.estimate;
  return {
    ...{ name, family, layers, width, heads, context, vocabulary, parameters, trainingFlopsPerToken },
    parametersButInputEmbedding: parameters - parts.embeddings,
    memoryBytes: plan.memoryBytes,
  };
}

/** `provender models`: the named sizes, and what training them takes. */
export function modelsCommand({ vocabulary, json }: ModelsCommandOptions): number {
  const names = Object.keys(modelPresets) as (keyof typeof modelPresets)[];
  const rows = names.map((name) => rowOf(name, vocabulary ?? presetVocabulary(name)));
  if (json) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return 0;
  }
  const head = ['preset', 'family', 'layers', 'width', 'heads', 'context', 'vocabulary'];
  const lines = table(
    [
      [...head, 'parameters', 'but embedding', 'a token', 'memory'],
      ...rows.map((row) => [
        row.name,
        row.family,
        ...[row.layers, row.width, row.heads, row.context, row.vocabulary].map(count),
        ...[row.parameters, row.parametersButInputEmbedding].map(count),
        quantity(row.trainingFlopsPerToken, 'FLOP'),
        bytes(row.memoryBytes),
      ]),
    ],
    ['left', 'left', ...Array.from({ length: 9 }, () => 'right' as const)],
  );
  process.stdout.write(`${lines.join('\n')}\n\n`);
  process.stdout.write(
    'A token: operations of a training step. Memory: one row of the full context a step, as estimated.\n' +
      'Take one by --set model.preset=NAME; the other options of model override it.\n',
  );
  return 0;
}
