import { join } from 'node:path';
import pc from 'picocolors';
import { ConfigurationError } from '../core/errors.ts';
import { count, excerpt } from '../core/format.ts';
import { readPlan } from '../execute/run-folder.ts';
import { browse, browsePoints } from '../report/browse.ts';
import type { ShardSplit } from '../shard/format.ts';
import type { Packing } from '../shard/packing.ts';
import { type DocumentPlace, type OrderSettings, ShardTracer, type TokenPlace } from '../shard/trace.ts';
import { loadTokenizer, type Tokenizer } from '../tokenize/tokenizer.ts';
import { readModelFile } from '../train/model-folder.ts';
import { artifactFolder, stepOfRun } from './artifacts.ts';

export interface TraceCommandOptions {
  readonly shard?: number;
  readonly token?: number;
  readonly step?: number;
  readonly row?: number;
  readonly column?: number;
  readonly document?: string;
  readonly source?: string;
  readonly split: string;
  readonly json?: boolean;
}

/** The order in which the run's training reads its windows, from the model that it made and its options. */
async function orderOf(run: string, split: ShardSplit, seed: number): Promise<OrderSettings> {
  const step = await stepOfRun(run, 'train');
  if (!step) throw new ConfigurationError('this run trains nothing: give --shard and --token', { file: run });
  const options = step.options as {
    rows: number;
    context?: number;
    orderSeed?: number;
    seed?: number;
    accumulate: number;
    packing?: Packing;
    epochsInOrder?: number;
  };
  const { context } = await readModelFile(await artifactFolder(run, 'model'));
  const { packing, epochsInOrder } = options;
  return {
    ...{ split, context, packing, epochsInOrder },
    rows: options.rows * options.accumulate,
    orderSeed: options.orderSeed ?? options.seed ?? seed,
  };
}

async function seedOf(run: string): Promise<number> {
  return (await readPlan(run)).spec.seed;
}

async function tokenizerOf(run: string): Promise<Tokenizer | undefined> {
  return artifactFolder(run, 'tokenizer').then(
    (folder) => loadTokenizer(join(folder, 'tokenizer.json')),
    () => undefined,
  );
}

/** Who refused or kept the document on its way: where the run directory still holds its documents. */
async function story(run: string, { id, corpus }: { id: string; corpus?: string }): Promise<string[]> {
  const points = await browsePoints(run).catch(() => []);
  const first = points[0];
  if (!first) return [];
  const lines: string[] = [];
  for await (const { document, refusal } of browse(run, { step: first.step, id, corpus, limit: 1 })) {
    const signals = Object.entries(document.signals).map(
      ([name, value]) => `${name} ${Number(value.toPrecision(4))}`,
    );
    if (signals.length) lines.push(`signals   ${signals.join('  ')}`);
    if (refusal) lines.push(`refused   by ${refusal.step}: ${refusal.reason}`);
  }
  return lines;
}

function placeLines(place: DocumentPlace): string[] {
  const { document, file, number, copy } = place;
  const [start, end] = document.sourceRange;
  const [from, to] = document.tokenRange;
  return [
    `document  ${pc.bold(excerpt(document.id, 120))} of ${excerpt(document.corpus, 40)}${copy ? ` (copy ${copy + 1})` : ''}`,
    `source    ${excerpt(document.source, 200)}, bytes ${count(start)} to ${count(end)}`,
    `shard     ${file}, document ${count(number)}, tokens ${count(from)} to ${count(to)}`,
  ];
}

function tokenLines(place: TokenPlace, tokenizer: Tokenizer | undefined): string[] {
  const text = tokenizer ? ` ${JSON.stringify(tokenizer.decode([place.tokenId]))}` : '';
  return [
    `token     ${place.tokenId}${text}, number ${count(place.token)} of the shard, ${count(place.position)} of its document`,
    ...placeLines(place),
  ];
}

/** `provender trace`: from (shard, token) or (step, row, column) to the source, or from a document to its tokens. */
export async function traceCommand(run: string, options: TraceCommandOptions): Promise<number> {
  const { shard, token, step, document, source } = options;
  if (options.split !== 'train' && options.split !== 'held-out')
    throw new ConfigurationError(`--split ${options.split}: train or held-out`);
  const split: ShardSplit = options.split;
  const tracer = await ShardTracer.open(await artifactFolder(run, 'shards'));
  const print = (value: unknown, lines: readonly string[]): void => {
    process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);
  };
  try {
    if (document !== undefined || source !== undefined) {
      const places = tracer.find(document !== undefined ? { id: document } : { source: source! });
      for (const place of places) print(place, placeLines(place));
      const told =
        document !== undefined && !options.json
          ? await story(run, { id: document, corpus: places[0]?.document.corpus })
          : [];
      for (const line of told) process.stdout.write(`${line}\n`);
      if (places.length === 0 && !options.json)
        process.stdout.write(
          'none of its tokens are in the shards: a step refused it, the mixture left it out (shard.weights), or there is no such document; `provender view RUN STEP --id ID` looks for it on the way\n',
        );
      return 0;
    }
    let place: TokenPlace;
    if (step !== undefined)
      place = tracer.atStep(await orderOf(run, split, await seedOf(run)), {
        step,
        row: options.row ?? 0,
        column: options.column ?? 0,
      });
    else if (shard !== undefined || token !== undefined)
      place = tracer.atToken(split, shard ?? 0, token ?? 0);
    else
      throw new ConfigurationError(
        'give --shard and --token, or --step with --row and --column, or --document, or --source',
      );
    print(place, tokenLines(place, await tokenizerOf(run)));
    if (!options.json) for (const line of await story(run, place.document)) process.stdout.write(`${line}\n`);
    return 0;
  } finally {
    await tracer.close();
  }
}
