/** README.md of a model that is handed over: what it is, what it was fed, how it did on text that it never saw. */

import type { Receipt as DataReceipt } from '../../shard/receipt/receipt.ts';
import type { ModelFile } from '../model-folder.ts';

export interface CardFacts {
  readonly name: string;
  readonly architecture: string;
  readonly file: ModelFile;
  /** Of the shards, where the model is handed over from the run that made them. */
  readonly data?: DataReceipt;
  readonly hasOnnx: boolean;
}

export function modelCard(facts: CardFacts): string {
  const { name, file, architecture } = facts;
  const task = file.model.family === 'bert' ? 'fill-mask' : 'text-generation';
  const header = `---\nlibrary_name: transformers\npipeline_tag: ${task}\ntags:\n- provender\n---`;
  const number = (value: number) => value.toLocaleString('en-US');
  const about = `\`${architecture}\`, ${number(file.parameters)} parameters, a context of ${number(file.context)} tokens and a vocabulary of ${number(file.vocabulary)}; objective: ${file.objective.kind}.`;
  const sections = [
    header,
    `# ${name}`,
    about,
    use(facts, task),
    origin(file),
    fed(facts),
    training(file),
    heldOut(file),
    digests(file),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function use({ hasOnnx }: CardFacts, task: string): string {
  const python = `from transformers import pipeline\npipe = pipeline("${task}", model="path/to/this/folder")`;
  const javascript = `import { pipeline } from '@huggingface/transformers';\nconst pipe = await pipeline('${task}', 'path/to/this/folder', { dtype: 'fp32' });`;
  const blocks = [`\`\`\`python\n${python}\n\`\`\``];
  if (hasOnnx) blocks.push(`\`\`\`js\n${javascript}\n\`\`\``);
  return `## Use\n\n${blocks.join('\n\n')}`;
}

function origin({ imported }: ModelFile): string {
  if (imported === undefined) return '';
  const rows = imported.files.map(({ name, sha256 }) => [name, sha256]);
  return `## Origin\n\nTaken over from a ${imported.architecture}.\n\n${table(['file', 'SHA-256'], rows)}`;
}

/** Corpora with what was eaten of each and, where it is known, under which terms. */
function fed({ file, data }: CardFacts): string {
  if (file.receipt === undefined) return '';
  const { tokensByCorpus, epochsByCorpus } = file.receipt;
  const corpora = new Map(data?.corpora.map((corpus) => [corpus.name, corpus]));
  const rows = Object.entries(tokensByCorpus).map(([name, tokens]) => {
    const terms = corpora.get(name)?.terms;
    return [
      terms ? `${name}: ${terms.title}` : name,
      Math.round(tokens).toLocaleString('en-US'),
      (epochsByCorpus[name] ?? 0).toFixed(2),
      ...(data
        ? [corpora.get(name)?.train.documents.toLocaleString('en-US') ?? '', terms?.licence ?? 'not known']
        : []),
    ];
  });
  const more = data ? ['documents', 'licence'] : [];
  return `## Data\n\n${table(['corpus', 'tokens seen', 'epochs', ...more], rows)}`;
}

function training({ receipt }: ModelFile): string {
  if (receipt === undefined) return '';
  const { step, tokens, losses, identity } = receipt;
  const { optimizer, batch, init } = identity as Record<string, Record<string, unknown> | undefined>;
  const loss = (value: number | null) => value?.toFixed(4) ?? 'not finite';
  const rows = [
    ['steps', step.toLocaleString('en-US')],
    ['tokens', tokens.toLocaleString('en-US')],
    ...(batch ? [['rows of tokens', `${batch.rows} of ${batch.context}`]] : []),
    ...(optimizer ? [['optimizer', `${optimizer.kind}`]] : []),
    ...(init ? [['began from weights (SHA-256)', `${init.weights}`]] : []),
    ['loss, first and last step', `${loss(losses.first)}, ${loss(losses.last)} nats a token`],
  ];
  return `## Training\n\n${table(['', ''], rows)}`;
}

function heldOut({ receipt }: ModelFile): string {
  const last = receipt?.evaluations.last?.result;
  if (last === undefined) return '';
  const rows = Object.entries({ ...last.corpora, all: last.total }).map(([name, figures]) => [
    name,
    `${figures.documents}`,
    figures.bytes.toLocaleString('en-US'),
    figures.lossPerToken.toFixed(4),
    figures.bitsPerByte?.toFixed(4) ?? '',
  ]);
  const titles = ['corpus', 'documents', 'bytes', 'nats a token', 'bits a byte'];
  return `## Text that it never saw\n\n${table(titles, rows)}`;
}

function digests({ tokenizer, weights, receipt }: ModelFile): string {
  const shards = receipt?.identity.shards as Record<string, string> | undefined;
  const rows = [
    ['tokenizer', tokenizer.digest],
    ['weights as trained', weights.sha256],
    ...(shards ? Object.entries(shards).map(([name, digest]) => [`shards (${name})`, digest]) : []),
    ...(receipt ? [['training (identity)', receipt.identityDigest]] : []),
  ];
  return `## Digests (SHA-256)\n\n${table(['of', 'digest'], rows)}`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}
