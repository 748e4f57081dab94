import { join } from 'node:path';
import pc from 'picocolors';
import { ConfigurationError } from '../core/errors.ts';
import { count, excerpt } from '../core/format.ts';
import { readPlan } from '../execute/run-folder.ts';
import {
  type ClusterStory,
  findTravellers,
  lifeStory,
  type StoryEvent,
  type Traveller,
} from '../report/life-story.ts';
import { SHARD_SPLITS, type ShardSplit } from '../shard/format.ts';
import type { Packing } from '../shard/packing.ts';
import { type DocumentPlace, type OrderSettings, ShardTracer, type TokenPlace } from '../shard/trace.ts';
import { loadTokenizer, type Tokenizer } from '../tokenize/tokenizer.ts';
import { readModelFile } from '../train/model-folder.ts';
import { artifactFolder, isRun, stepOfRun } from './artifacts.ts';

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
async function orderOf(run: string, split: ShardSplit, seed: number, at: number): Promise<OrderSettings> {
  const step = await stepOfRun(run, 'train');
  if (!step) throw new ConfigurationError('this run trains nothing: give --shard and --token', { file: run });
  const options = step.options as {
    rows: number;
    steps: number;
    context?: number;
    orderSeed?: number;
    seed?: number;
    accumulate: number;
    packing?: Packing;
    epochsInOrder?: number;
  };
  if (at >= options.steps)
    throw new ConfigurationError(`--step ${at}: the training ended before`, {
      expected: `at most ${options.steps - 1}, its last step (the first is 0)`,
    });
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

/** Everything that touched a document of the shards, or one that never reached them. Empty for a folder of shards. */
async function storyOf(run: string, traveller: Traveller): Promise<StoryEvent[]> {
  return (await isRun(run)) ? lifeStory(run, traveller) : [];
}

async function travellersOf(run: string, wanted: Parameters<typeof findTravellers>[1]): Promise<Traveller[]> {
  return (await isRun(run)) ? findTravellers(run, wanted) : [];
}

const VERDICTS = { kept: 'kept', refused: 'refused', around: 'went around' } as const;

function storyLines(events: readonly StoryEvent[]): string[] {
  const width = Math.max(...events.map(({ step }) => step.length));
  return events.flatMap(({ step, verdict, reason, value, threshold, detail, signals, limits, cluster }) => {
    const numbers = (all: Readonly<Record<string, number>>) =>
      Object.entries(all).map(([name, number]) => `${name} ${Number(number.toPrecision(4))}`);
    const why = [
      reason,
      value === undefined ? undefined : `${Number(value.toPrecision(4))}`,
      threshold === undefined ? undefined : `threshold ${threshold}`,
      detail === undefined ? undefined : excerpt(detail, 80),
    ].filter((part) => part !== undefined);
    const head = [VERDICTS[verdict], ...(why.length > 0 ? [`(${why.join(', ')})`] : [])].join(' ');
    const told = [...numbers(signals), ...(cluster ? [clusterText(cluster)] : [])];
    const lines = [`${step.padEnd(width)}  ${[head, ...told].join('  ')}`];
    const against = numbers(limits);
    if (against.length > 0 && told.length > 0)
      lines.push(pc.dim(`${' '.repeat(width)}  against ${against.join('  ')}`));
    return lines;
  });
}

function clusterText({ cluster, kept, similarity, size, others }: ClusterStory): string {
  const names = others.slice(0, 3).map(({ id }) => excerpt(id, 60));
  const more = size - 1 - names.length;
  const like = similarity < 1 ? `, similarity ${similarity.toFixed(2)}` : '';
  return `cluster ${cluster} of ${size}${kept ? ', of which it was kept' : like}; the others: ${names.join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

function placeLines(place: DocumentPlace): string[] {
  const { document, file, number, copy } = place;
  const [start, end] = document.sourceRange;
  const [from, to] = document.tokenRange;
  const url =
    document.url === undefined || document.url === document.source
      ? []
      : [`url       ${excerpt(document.url, 200)}`];
  return [
    `document  ${pc.bold(excerpt(document.id, 120))} of ${excerpt(document.corpus, 40)}${copy ? ` (copy ${copy + 1})` : ''}`,
    `source    ${excerpt(document.source, 200)}, bytes ${count(start)} to ${count(end)}`,
    ...url,
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

function travellerOf({ document, split }: DocumentPlace): Traveller {
  const { corpus, id, signals } = document;
  return { corpus, id, split, signals };
}

type Print = (value: unknown, lines: readonly string[]) => void;

/** Every place of the tokens of documents by id, source or URL, and the way of each document; also of those refused. */
async function traceDocuments(
  run: string,
  tracer: ShardTracer,
  wanted: { id: string } | { source: string },
  print: Print,
): Promise<number> {
  const places = tracer.find(wanted);
  for (const place of places) print(place, placeLines(place));
  const travellers = new Map(
    places.map((place) => [JSON.stringify([place.document.corpus, place.document.id]), travellerOf(place)]),
  );
  if (places.length === 0) {
    for (const one of await travellersOf(run, wanted))
      travellers.set(JSON.stringify([one.corpus, one.id]), one);
  }
  for (const traveller of [...travellers.values()].slice(0, MOST_STORIES)) {
    const story = await storyOf(run, traveller);
    if (story.length === 0) continue;
    const { corpus, id, split } = traveller;
    print({ corpus, id, split, story }, [
      '',
      `${pc.bold(excerpt(id, 120))} of ${excerpt(corpus, 40)}`,
      ...storyLines(story),
    ]);
  }
  if (places.length === 0) {
    const refused = [...travellers.values()].some(({ refusal }) => refusal !== undefined);
    const why = refused ? '' : ': the mixture left it out (shard.weights), or there is no such document';
    print({ places: 0 }, [`${travellers.size > 0 ? '\n' : ''}none of its tokens are in the shards${why}`]);
  }
  // Of a document that was refused there is a story to tell; of none there is nothing.
  return places.length === 0 && travellers.size === 0 ? 1 : 0;
}

/** Documents of one source whose ways are told. */
const MOST_STORIES = 10;

/** `provender trace`: from (shard, token) or (step, row, column) to the source, or from a document to its tokens. */
export async function traceCommand(run: string, options: TraceCommandOptions): Promise<number> {
  const { shard, token, step, document, source } = options;
  const split = SHARD_SPLITS.find((name) => name === options.split);
  if (!split) throw new ConfigurationError(`--split ${options.split}: train, validation or held-out`);
  const tracer = await ShardTracer.open(await artifactFolder(run, 'shards'));
  const print = (value: unknown, lines: readonly string[]): void => {
    process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);
  };
  try {
    if (document !== undefined || source !== undefined)
      return await traceDocuments(
        run,
        tracer,
        document !== undefined ? { id: document } : { source: source! },
        print,
      );
    let place: TokenPlace;
    if (step !== undefined)
      place = tracer.atStep(await orderOf(run, split, await seedOf(run), step), {
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
    const story = await storyOf(run, travellerOf(place));
    const { document: found, ...rest } = place;
    print({ ...rest, document: found, story }, [
      ...tokenLines(place, await tokenizerOf(run)),
      ...(story.length > 0 ? ['', ...storyLines(story)] : []),
    ]);
    return 0;
  } finally {
    await tracer.close();
  }
}
