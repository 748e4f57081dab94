#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { helpfulFrames } from './cli/step-failure.ts';
import {
  CancelledError,
  ConfigurationError,
  classifySystemError,
  isSystemError,
  ProvenderError,
  StepError,
  stepError,
} from './core/errors.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted (the same command goes on). */
const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

function packageVersion(): string {
  const path = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function wholeNumber(value: string): number {
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 0) throw new InvalidArgumentError('a whole number, please');
  return parsed;
}

function positive(value: string): number {
  const parsed = wholeNumber(value);
  if (parsed === 0) throw new InvalidArgumentError('at least 1');
  return parsed;
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`;
}

const TOKENIZER = 'a tokenizer.json, a folder with one, a run directory, or a tiktoken rank file';

let exitCode: number = EXIT.done;

/** `provender tokenizer ...` */
function addTokenizerCommands(program: Command): void {
  const tokenizer = program
    .command('tokenizer')
    .description('trains tokenizers, and shows what they make of a text');

  const readingOptions = (command: Command): Command =>
    command
      .option(
        '--format <format>',
        'what the files are: text, jsonl, json, mail, warc (default: told by their names)',
      )
      .option('--field <name>', 'field of a record that holds the text (default: text)')
      .option('--unit <unit>', 'one document of a text file: file, line or paragraph (default: file)');

  readingOptions(
    tokenizer
      .command('train')
      .description('trains a byte-level BPE; writes tokenizer.json and what transformers reads beside it')
      .argument('<sources...>', 'files or patterns (CORPUS=PATTERN names a corpus), or run directories'),
  )
    .requiredOption('-o, --out <folder>', 'where the tokenizer goes')
    .option(
      '-s, --set <path=value>',
      'an option of the train-tokenizer step: vocabularySize=8000, preTokenizer=o200k',
      collect,
      [],
    )
    .option('--compare <tokenizer>', 'another tokenizer to report beside it (several times)', collect, [])
    .option('--by <field>', 'report by this metadata field, such as language, instead of by corpus')
    .option('--report-megabytes <n>', 'text of each corpus that the report measures', wholeNumber, 16)
    .option('-w, --workers <n>', 'threads (default: one a core)', positive)
    .option('--json', 'print the report as one JSON object')
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      examples(
        "provender tokenizer train 'texts/*.jsonl' --out my-tokenizer --set vocabularySize=32000",
        'provender tokenizer train runs/quickstart -o my-tokenizer --compare gpt2/tokenizer.json',
      ),
    )
    .action(async (sources: string[], options) => {
      const { trainTokenizerCommand } = await import('./cli/tokenizer-train-command.ts');
      exitCode = await trainTokenizerCommand(sources, options);
    });

  readingOptions(
    tokenizer
      .command('encode')
      .description('prints the ids of each document on a line')
      .argument('<tokenizer>', TOKENIZER)
      .argument('[sources...]', 'files, patterns or run directories (default: standard input, one document)'),
  )
    .option('--special-tokens', 'special tokens in the text stand for themselves (default: they are text)')
    .option('-c, --count', 'only how many ids there are')
    .option('--json', 'one JSON object a document')
    .addHelpText(
      'after',
      examples(
        'echo -n "Call me Ishmael." | provender tokenizer encode my-tokenizer',
        'provender tokenizer encode runs/quickstart texts.jsonl --count --json',
      ),
    )
    .action(async (path: string, sources: string[], options) => {
      const { encodeCommand } = await import('./cli/tokenizer-commands.ts');
      exitCode = await encodeCommand(path, sources, options);
    });

  tokenizer
    .command('decode')
    .description('turns ids into text; into a pipe or a file the bytes go as they are')
    .argument('<tokenizer>', TOKENIZER)
    .argument('[ids...]', 'ids (default: from standard input, apart by spaces, commas or lines)')
    .addHelpText(
      'after',
      examples(
        'provender tokenizer decode my-tokenizer 464 2068 7586',
        'provender tokenizer encode my-tokenizer < a.txt | provender tokenizer decode my-tokenizer | diff - a.txt',
      ),
    )
    .action(async (path: string, ids: string[]) => {
      const { decodeCommand } = await import('./cli/tokenizer-commands.ts');
      exitCode = await decodeCommand(path, ids);
    });

  tokenizer
    .command('inspect')
    .description('shows how a text splits into tokens')
    .argument('<tokenizer>', TOKENIZER)
    .argument('[text...]', 'a text (default: --file, or standard input)')
    .option('-f, --file <file>', 'the text of this file')
    .option('--special-tokens', 'special tokens in the text stand for themselves (default: they are text)')
    .option('-t, --table', 'a token a line, with its id and bytes')
    .option('--json', 'the tokens as JSON')
    .addHelpText(
      'after',
      examples(
        'provender tokenizer inspect my-tokenizer "The quick brown fox"',
        'provender tokenizer inspect runs/quickstart --file chapter.txt | less -R',
      ),
    )
    .action(async (path: string, texts: string[], options) => {
      const { inspectCommand } = await import('./cli/tokenizer-commands.ts');
      exitCode = await inspectCommand(path, texts, options);
    });

  readingOptions(
    tokenizer
      .command('compare')
      .description('several tokenizers on the same text: bytes per token, tokens per word, speed')
      .argument('<sources...>', 'files or patterns (CORPUS=PATTERN names a corpus), or run directories'),
  )
    .requiredOption('-t, --tokenizer <tokenizer>', `${TOKENIZER} (several times)`, collect, [])
    .option('--by <field>', 'by this metadata field, such as language, instead of by corpus')
    .option('--megabytes <n>', 'text of each corpus that is measured', positive, 8)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples(
        "provender tokenizer compare en='en/*.txt' de='de/*.txt' -t my-tokenizer -t gpt2/tokenizer.json",
        'provender tokenizer compare runs/quickstart -t my-tokenizer -t o200k_base.tiktoken',
      ),
    )
    .action(async (sources: string[], options) => {
      const { compareCommand } = await import('./cli/tokenizer-commands.ts');
      exitCode = await compareCommand(sources, options);
    });
}

/** What is done with finished shards. */
function addShardCommands(program: Command): void {
  program
    .command('export')
    .description("writes a run's shards in the format of another project")
    .argument('<run>', 'a run directory, or a folder of shards')
    .requiredOption(
      '-f, --format <format>',
      'megatron, llm.c, nanogpt, datatrove, mds, dolma, parquet (Hugging Face datasets) or arrow',
    )
    .requiredOption('-o, --out <folder>', 'where the files go')
    .option('--name <name>', 'begins the names of files, where the format has such (default: provender)')
    .option('--file-tokens <n>', 'tokens a file of llm.c (default: 100 million)', positive)
    .option('--window-tokens <n>', 'mds: samples of so many tokens instead of documents', positive)
    .option('--json', 'the names of the files as JSON')
    .addHelpText(
      'after',
      examples(
        'provender export runs/quickstart --format megatron --out megatron --name corpus',
        'provender export runs/quickstart -f mds -o mds --window-tokens 2049',
      ),
    )
    .action(async (run: string, options) => {
      const { exportCommand } = await import('./cli/shard-commands.ts');
      exitCode = await exportCommand(run, options);
    });

  program
    .command('import')
    .description('makes shards of the token files of another project, in their order')
    .argument('<folder>', 'the folder with the files')
    .requiredOption(
      '-f, --format <format>',
      'megatron, llm.c, nanogpt, datatrove, mds, dolma, parquet or arrow (Hugging Face datasets with input_ids)',
    )
    .requiredOption('-t, --tokenizer <tokenizer>', `what made the tokens: ${TOKENIZER}`)
    .requiredOption('-o, --out <folder>', 'where the shards go')
    .option('--corpus <name>', 'of documents that name none', 'imported')
    .option('--no-end-of-text', 'documents end without <|endoftext|>')
    .option('--shard-tokens <n>', 'tokens a shard (default: 100 million)', positive)
    .option('--json', 'the index of the shards as JSON')
    .addHelpText(
      'after',
      examples(
        'provender import data/openwebtext -f nanogpt -t gpt2/tokenizer.json -o shards --corpus openwebtext',
        'provender train shards --tokenizer gpt2 --out models/mine',
      ),
    )
    .action(async (folder: string, options) => {
      const { importCommand } = await import('./cli/shard-commands.ts');
      exitCode = await importCommand(folder, options);
    });

  program
    .command('receipt')
    .description('says what went into the shards, what did not and why, and under which terms')
    .argument('<run>', 'a run directory, or a folder of shards')
    .option('-o, --out <folder>', 'where receipt.json and the dataset card go (default: beside the shards)')
    .option('--json', 'print the receipt as one JSON object')
    .addHelpText(
      'after',
      examples(
        'provender receipt runs/quickstart',
        'provender receipt runs/quickstart --json | jq .contents.years',
      ),
    )
    .action(async (run: string, options) => {
      const { receiptCommand } = await import('./cli/shard-commands.ts');
      exitCode = await receiptCommand(run, options);
    });

  program
    .command('remove')
    .description('takes documents out of the shards (a takedown); rewrites only the shards that hold them')
    .argument('<run>', 'a run directory, or a folder of shards')
    .option('--id <id>', 'the document with this id (several times)', collect, [])
    .option('--corpus <corpus>', 'ids are of this corpus (default: of any)')
    .option('--url <url>', 'the documents with this URL (several times)', collect, [])
    .option('--source <path>', 'all documents of this source (several times)', collect, [])
    .option('--reason <text>', 'kept in the record of the removal')
    .option('--dry-run', 'only say what would go')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples(
        'provender remove runs/quickstart --id moby-dick/chapter_1.txt --dry-run',
        "provender remove runs/crawl --url https://example.org/page --reason 'asked for by the author'",
      ),
    )
    .action(async (run: string, options) => {
      const { removeCommand } = await import('./cli/shard-commands.ts');
      exitCode = await removeCommand(run, options);
    });
}

/** Models that go to others and come from them. */
function addHandOverCommands(program: Command): void {
  program
    .command('export-model')
    .description('writes a model as a folder that transformers loads, with an ONNX file for transformers.js')
    .argument('<model>', 'a run directory, or a folder of a model')
    .requiredOption('-o, --out <folder>', 'where the files go')
    .option('--name <name>', 'heads the card (default: the name of the folder)')
    .option('--no-onnx', 'no ONNX file')
    .option('--json', 'what was written, as JSON')
    .addHelpText(
      'after',
      examples(
        'provender export-model runs/quickstart --out quickstart-gpt2',
        'provender export-model models/wider -o wider --no-onnx --name "Wider than the quickstart"',
      ),
    )
    .action(async (model: string, options) => {
      const { exportModelCommand } = await import('./cli/hand-over-commands.ts');
      exitCode = await exportModelCommand(model, options);
    });

  program
    .command('import-model')
    .description('takes over a model that transformers saved: GPT-2, Llama, Qwen3, BERT, RoBERTa')
    .argument('<folder>', 'with config.json, model.safetensors (or its parts) and tokenizer.json')
    .requiredOption('-o, --out <folder>', 'where the model goes')
    .option('-t, --tokenizer <file>', 'another tokenizer.json than the one that lies there')
    .option('--json', 'what was read, as JSON')
    .addHelpText(
      'after',
      examples(
        'provender import-model gpt2 --out models/gpt2',
        'provender sample models/gpt2 --prompt "Call me"',
        "provender train runs/mine --out models/mine --set init.from=models/gpt2 --set 'model={}'",
      ),
    )
    .action(async (folder: string, options) => {
      const { importModelCommand } = await import('./cli/hand-over-commands.ts');
      exitCode = await importModelCommand(folder, options);
    });
}

/** `provender dedup ...` */
function addDedupCommands(program: Command): void {
  const dedup = program.command('dedup').description('tries deduplication before it is run');
  dedup
    .command('preview')
    .description(
      'what options of minhash-dedup find on a sample: predicted and measured curve, pairs, precision, cost',
    )
    .argument('<sources...>', 'files or patterns (CORPUS=PATTERN names a corpus), or run directories')
    .option('-s, --set <path=value>', 'an option of the step: bands=20, rows=6, minJaccard=0.8', collect, [])
    .option('-n, --sample <n>', 'documents that are compared, each with each', positive, 2000)
    .option('--megabytes <n>', 'how much is read for the sample', positive, 256)
    .option(
      '--documents <n>',
      'size of the corpus that the forecast is for (default: that of the sources)',
      positive,
    )
    .option('-w, --workers <n>', 'threads that the forecast reckons with (default: one a core)', positive)
    .option('--seed <n>', 'another seed, another sample', wholeNumber, 1)
    .option(
      '--format <format>',
      'what the files are: text, jsonl, json, mail, warc (default: told by their names)',
    )
    .option('--field <name>', 'field of a record that holds the text (default: text)')
    .option('--unit <unit>', 'one document of a text file: file, line or paragraph (default: file)')
    .option('-o, --out <file>', 'draws it too: one self-contained HTML page')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples(
        "provender dedup preview 'texts/*.jsonl.gz' --out preview.html",
        'provender dedup preview runs/crawl -s threshold=0.8 -s permutations=256 --documents 1000000000',
        'provender dedup preview mails/ --set preset=datatrove --json | jq .precision',
      ),
    )
    .action(async (sources: string[], options) => {
      const { dedupPreviewCommand } = await import('./cli/dedup-preview-command.ts');
      exitCode = await dedupPreviewCommand(sources, options);
    });
}

function build(): Command {
  const program = new Command('provender')
    .description('Prepares a corpus, trains on it, and measures what each data decision did to the loss.')
    .version(packageVersion())
    .showHelpAfterError('(--help shows how)')
    .exitOverride();

  program
    .command('run')
    .description('carries out a pipeline file; what is complete is skipped, what was interrupted goes on')
    .argument('<pipeline>', 'a pipeline file (YAML)')
    .option('-o, --out <folder>', 'run directory (default: runs/NAME)')
    .option(
      '-s, --set <path=value>',
      'overrides an option: seed=2, length.minWords=50, steps[3].shard.shardTokens=1e6',
      collect,
      [],
    )
    .option('--limit <n>', 'read about this many documents only, spread over the partitions', positive)
    .option('-w, --workers <n>', 'threads (default: one a core)', positive)
    .option('--verify', 'digest all inputs and artifacts again instead of trusting size and time')
    .option('--dry-run', 'say what would run and why, and do nothing')
    .option('--json', 'print the summary as one JSON object')
    .option('--no-live', 'a bar instead of the live view of a training')
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      examples(
        'provender run pipelines/quickstart.yaml',
        'provender run mine.yaml --set length.minWords=100 --out runs/longer --dry-run',
        'provender run mine.yaml --limit 1000 --json | jq .steps',
      ),
    )
    .action(async (file: string, options) => {
      const { runCommand } = await import('./cli/run-command.ts');
      exitCode = await runCommand(file, options);
    });

  program
    .command('ablate')
    .description(
      'measures what changes to a pipeline do to held-out loss: trains on every arm, with controls',
    )
    .argument('<ablation>', 'an ablation file (YAML): a base pipeline, its arms, the ruler, the budget')
    .option(
      '-o, --out <folder>',
      'directory of the ablation (default: runs/NAME); several processes may share it',
    )
    .option(
      '-s, --set <path=value>',
      'overrides an option of the file: seeds=3, budget={tokens: 1e6}',
      collect,
      [],
    )
    .option('-p, --processes <n>', 'trainings side by side, one thread each (default: one a core)', positive)
    .option('--dry-run', 'say which arms and trainings there are, and do nothing')
    .option('--json', 'print the outcome as one JSON object')
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      examples(
        'provender ablate pipelines/ablate-quickstart.yaml',
        'provender ablate mine.yaml --dry-run',
        'provender ablate mine.yaml --set seeds=12 --out runs/mine-12',
      ),
    )
    .action(async (file: string, options) => {
      const { ablateCommand } = await import('./cli/ablate-command.ts');
      exitCode = await ablateCommand(file, options);
    });

  program
    .command('status')
    .description('watches a run from another terminal')
    .argument('<run>', 'a run directory')
    .option('--once', 'print the state once and leave')
    .option('--json', 'print status.json once')
    .addHelpText(
      'after',
      examples('provender status runs/quickstart', 'provender status runs/overnight --once'),
    )
    .action(async (run: string, options) => {
      const { statusCommand } = await import('./cli/status-command.ts');
      exitCode = await statusCommand(run, options);
    });

  program
    .command('view')
    .description('shows documents at any point of a run, kept or refused')
    .argument('<run>', 'a run directory')
    .argument('[step]', 'a step of its pipeline; without one, the steps and their reasons are listed')
    .option('-r, --refused', 'those that the step refused')
    .option('--reason <reason>', 'those refused for this reason')
    .option('-c, --corpus <corpus>', 'of this corpus only')
    .option('--id <id>', 'the document with this id')
    .option('-n, --number <n>', 'how many', positive, 5)
    .option('--seed <n>', 'a random sample instead of the first', wholeNumber)
    .option('--full', 'whole texts instead of excerpts')
    .option('--json', 'one JSON object a document')
    .addHelpText(
      'after',
      examples(
        'provender view runs/quickstart',
        'provender view runs/quickstart gopher-quality --reason too-few-stop-words -n 3',
        'provender view runs/quickstart length --seed 7 --json',
      ),
    )
    .action(async (run: string, step: string | undefined, options) => {
      const { viewCommand } = await import('./cli/view-command.ts');
      exitCode = await viewCommand(run, step, options);
    });

  program
    .command('train')
    .description("trains a model on a run's shards, with the options of its train step and your own")
    .argument('<run>', 'a run directory, or a folder of shards')
    .requiredOption(
      '-o, --out <folder>',
      'where the model goes; the same command goes on after an interruption',
    )
    .option('--tokenizer <folder>', 'run directory or folder of the tokenizer (default: the same run)')
    .option('--follow', 'begin on the shards that are finished while another process still writes the others')
    .option(
      '-s, --set <path=value>',
      'an option of the train step: steps=500, model.width=192, schedule.learningRate=3e-3',
      collect,
      [],
    )
    .option('--seed <n>', 'seed of weights and order', wholeNumber, 1)
    .option('-w, --workers <n>', 'threads (default: one a core)', positive)
    .option('--json', 'print the summary as one JSON object')
    .option('--dry-run', 'say what the training is made of and would cost, and do nothing')
    .option('--no-live', 'one line of progress instead of the live view')
    .option('--device-watts <n>', 'power of the machine or GPU, for the estimate of energy', positive)
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      examples(
        'provender train runs/quickstart --out models/wider --set model.width=256 --set steps=1000',
        'provender train runs/quickstart --out models/masked --set objective.kind=masked --set model.family=bert',
        'provender train runs/quickstart --out models/small --set model.preset=datadecide-4M --dry-run',
        'provender train runs/overnight --out models/early --follow',
      ),
    )
    .action(async (run: string, options) => {
      const { trainCommand } = await import('./cli/model-commands.ts');
      exitCode = await trainCommand(run, options);
    });

  program
    .command('models')
    .description('the named sizes of models: parameters, operations a token, memory')
    .option('--vocabulary <n>', 'of the tokenizer (default: as published)', positive)
    .option('--json', 'as JSON')
    .addHelpText('after', examples('provender models --vocabulary 4096'))
    .action(async (options) => {
      const { modelsCommand } = await import('./cli/models-command.ts');
      exitCode = modelsCommand(options);
    });

  program
    .command('eval')
    .description('measures held-out bits per byte by corpus')
    .argument('<model>', 'a run directory, or a folder of a model')
    .option('--shards <folder>', 'whose held-out documents (default: of those that the model was trained on)')
    .option('-o, --out <folder>', 'where evaluation.json goes (default: beside the model)')
    .option(
      '-s, --set <path=value>',
      'an option of the evaluate step: split=train, maxBytesPerCorpus=100000',
      collect,
      [],
    )
    .option('-w, --workers <n>', 'threads (default: one a core)', positive)
    .option('--json', 'print the figures as one JSON object')
    .option('-q, --quiet', 'no progress')
    .addHelpText('after', examples('provender eval runs/quickstart', 'provender eval models/wider'))
    .action(async (model: string, options) => {
      const { evalCommand } = await import('./cli/model-commands.ts');
      exitCode = await evalCommand(model, options);
    });

  program
    .command('sample')
    .description('writes text with a model, as it comes')
    .argument('<model>', 'a run directory, or a folder of a model')
    .option('-p, --prompt <text>', 'text to go on from (several times for several texts)', collect, [])
    .option(
      '-s, --set <path=value>',
      'an option of the generate step: temperature=0.7, topK=40, maxTokens=300',
      collect,
      [],
    )
    .option('--seed <n>', 'another seed, another text', wholeNumber, 1)
    .option('--show-probabilities', 'for each token the likeliest with their probabilities')
    .option('-w, --workers <n>', 'threads (default: one a core)', positive)
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples(
        'provender sample runs/quickstart --prompt "Fellow citizens,"',
        'provender sample runs/quickstart -p "Call me" --set maxTokens=20 --set temperature=0.7',
        'provender sample runs/quickstart -p "Call me" --set temperature=0 --show-probabilities',
      ),
    )
    .action(async (model: string, options) => {
      const { sampleCommand } = await import('./cli/model-commands.ts');
      exitCode = await sampleCommand(model, options);
    });

  addTokenizerCommands(program);
  addDedupCommands(program);

  program
    .command('inspect')
    .description('says what thresholds would drop before they do: measures every signal without dropping')
    .argument('<sources...>', 'a run directory, a pipeline file, or files of documents')
    .option(
      '-s, --set <step.option=value>',
      'another threshold: gopher-quality.minWords=20, fineweb.maxNewlineRatio=null',
      collect,
      [],
    )
    .option(
      '-f, --filter <step>',
      'for files: this filter instead of the usual ones (several times)',
      collect,
      [],
    )
    .option('--show <step.option>', 'one threshold in detail: histogram, what others would drop, borderlines')
    .option('-n, --number <n>', 'examples of each kind', wholeNumber, 2)
    .option('-o, --out <folder>', 'where the signals go (default: inspect in the run directory)')
    .option('--html <file>', 'where the page with sliders goes (default: inspect.html beside the signals)')
    .option('--no-html', 'no page')
    .option(
      '--page-documents <n>',
      'documents that the page counts; of more a random sample is drawn',
      positive,
      100_000,
    )
    .option('--tokenizer <file>', 'counts tokens (default: that of the run, or 4 bytes a token)')
    .option('--format <format>', 'for files: what they are (default: told by their names)')
    .option('--field <name>', 'for files: field of a record that holds the text (default: text)')
    .option('--unit <unit>', 'for files: one document of a text file: file, line or paragraph')
    .option('--limit <n>', 'measure about this many documents only', positive)
    .option('-w, --workers <n>', 'threads (default: one a core)', positive)
    .option('--json', 'the numbers as one JSON object')
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      examples(
        'provender inspect runs/quickstart',
        'provender inspect runs/quickstart --set gopher-quality.minAlphabeticWordRatio=0.7',
        'provender inspect mine.yaml --show gopher-quality.minWords -n 5',
        "provender inspect 'crawl/*.jsonl.gz' --field content --filter fineweb --filter c4",
      ),
    )
    .action(async (sources: string[], options) => {
      const { inspectCommand } = await import('./cli/inspect-command.ts');
      exitCode = await inspectCommand(sources, options);
    });

  program
    .command('trace')
    .description('goes from a token to its source, or from a document to all its tokens')
    .argument('<run>', 'a run directory (or a folder of shards)')
    .option('--shard <n>', 'number of a shard', wholeNumber)
    .option('--token <n>', 'number of a token in that shard', wholeNumber)
    .option('--step <n>', 'a training step, from 0', wholeNumber)
    .option('--row <n>', 'row of its batch', wholeNumber)
    .option('--column <n>', 'column of its batch', wholeNumber)
    .option('--document <id>', 'id of a document')
    .option('--source <path>', 'a source file or URL')
    .option('--split <split>', 'train, validation or held-out', 'train')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples(
        'provender trace runs/quickstart --shard 0 --token 12345',
        'provender trace runs/quickstart --step 10 --row 2 --column 17',
        'provender trace runs/quickstart --document moby-dick/chapter_1.txt',
      ),
    )
    .action(async (run: string, options) => {
      const { traceCommand } = await import('./cli/trace-command.ts');
      exitCode = await traceCommand(run, options);
    });

  addShardCommands(program);
  addHandOverCommands(program);

  program
    .command('devices')
    .description(
      'says which engines and devices this machine can train on, how fast, and why not on the others',
    )
    .option('--json', 'everything as JSON')
    .option('-w, --workers <n>', 'threads of the CPU (default: one a core)', positive)
    .action(async (options: { json?: boolean; workers?: number }) => {
      const { devicesCommand } = await import('./cli/devices-command.ts');
      process.stdout.write(await devicesCommand(options));
    });

  program
    .command('steps')
    .description('lists every step; with a name, its options and defaults')
    .argument('[kind]', 'a step')
    .option('--json', 'everything as JSON')
    .addHelpText('after', examples('provender steps', 'provender steps minhash-dedup'))
    .action(async (kind: string | undefined, options: { json?: boolean }) => {
      const { stepsJson, stepsText } = await import('./cli/steps-command.ts');
      process.stdout.write(options.json ? `${stepsJson()}\n` : stepsText(kind));
    });

  program
    .command('schema')
    .description('prints the JSON Schema of pipeline files, for editors')
    .addHelpText('after', examples('provender schema > pipeline.schema.json'))
    .action(async () => {
      const { schemaText } = await import('./cli/steps-command.ts');
      process.stdout.write(schemaText());
    });

  program
    .command('report')
    .description('writes the report of a run again: one self-contained HTML file')
    .argument('<run>', 'a run directory')
    .addHelpText('after', examples('provender report runs/quickstart'))
    .action(async (run: string) => {
      const { writeReport } = await import('./report/report.ts');
      process.stdout.write(`${await writeReport(run)}\n`);
    });

  program
    .command('crawl')
    .description('crawls the web into WARC files: politely, within a scope, and on where it was stopped')
    .argument('[urls...]', 'where to begin')
    .requiredOption('-o, --out <folder>', 'where the WARC files and the frontier go')
    .option('--sitemap <url>', 'a sitemap whose pages are seeds (several times)', collect, [])
    .option(
      '-s, --set <path=value>',
      'an option of the crawl step: scope=domain, maxPages=1000, delay=0.5 (`provender steps crawl` lists them)',
      collect,
      [],
    )
    .option('--refresh', 'of a complete crawl, ask for every page again: only what changed is sent')
    .option('--json', 'print the report as one JSON object')
    .option('-q, --quiet', 'no progress')
    .addHelpText(
      'after',
      examples(
        'provender crawl https://example.org/ -o crawl/example',
        'provender crawl --sitemap https://example.org/sitemap.xml -o crawl/example -s maxPages=500',
        "provender crawl https://docs.example.org/guide/ -o crawl/guide -s scope=prefix -s 'userAgent=my-bot (+https://example.com/bot)'",
      ),
    )
    .action(async (urls: string[], options) => {
      const { crawlCommand } = await import('./cli/crawl-command.ts');
      exitCode = await crawlCommand(urls, options);
    });

  program
    .command('clean')
    .description('removes what a finished run no longer needs: documents between steps, or everything')
    .argument('<run>', 'a run directory')
    .option('--all', 'the whole run directory')
    .option('--dry-run', 'only say what would go')
    .addHelpText(
      'after',
      examples('provender clean runs/quickstart', 'provender clean runs/quickstart --all'),
    )
    .action(async (run: string, options) => {
      const { cleanCommand } = await import('./cli/clean-command.ts');
      exitCode = await cleanCommand(run, options);
    });

  return program;
}

function fail(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CancelledError) {
    process.stderr.write(
      `${error.message === 'cancelled' ? 'interrupted; the same command goes on from here' : error.message}\n`,
    );
    return EXIT.interrupted;
  }
  if (isSystemError(error)) {
    if (error.code === 'EPIPE') return EXIT.done;
    return fail(classifySystemError(error, { file: error.path }));
  }
  const { message, stack } = error instanceof ProvenderError ? error : stepError(error);
  process.stderr.write(`${pc.red('error:')} ${message}\n`);
  // A defect, of a step or of ours, is found by its stack; to a user's mistake it adds nothing.
  const tells =
    error instanceof StepError || !(error instanceof ProvenderError) || process.env.PROVENDER_DEBUG;
  if (tells && stack) {
    const lines = process.env.PROVENDER_DEBUG ? [stack] : helpfulFrames(stack);
    if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
  }
  return error instanceof ConfigurationError ? EXIT.usage : EXIT.failed;
}

// A closed pipe (`provender steps | head`) is not an error; nor does a run end because nobody reads its progress.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
});
process.stderr.on('error', () => {});

try {
  await build().parseAsync();
} catch (error) {
  exitCode = fail(error);
}
process.exitCode = exitCode;
