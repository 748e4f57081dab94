import { resolve } from 'node:path';
import { count, counted } from '../core/format.ts';
import { readRunFacts } from '../report/receipt.ts';
import { makeReceipt, type Receipt } from '../shard/receipt/receipt.ts';
import { exportModel } from '../train/hand-over/export-model.ts';
import { importModel } from '../train/hand-over/import-model.ts';
import { artifactFolder, refuseRunFolder } from './artifacts.ts';

export interface ExportModelCommandOptions {
  readonly out: string;
  readonly name?: string;
  readonly onnx: boolean;
  readonly json?: boolean;
}

/** `provender export-model`: a folder for `transformers` and transformers.js. */
export async function exportModelCommand(model: string, options: ExportModelCommandOptions): Promise<number> {
  const { out, name, onnx, json } = options;
  const folder = await artifactFolder(model, 'model');
  const data = folder === model ? undefined : await dataReceipt(model);
  const exported = await exportModel(folder, resolve(out), { name, onnx, data });
  if (json) process.stdout.write(`${JSON.stringify({ folder: out, ...exported })}\n`);
  else {
    const { architecture, parameters, files } = exported;
    process.stdout.write(
      `${architecture}, ${count(parameters)} parameters\n${files.map((file) => `  ${file}\n`).join('')}\n${out}\n`,
    );
  }
  return 0;
}

/** What a run knows of the data that its model was fed. */
async function dataReceipt(run: string): Promise<Receipt | undefined> {
  const shards = await artifactFolder(run, 'shards').catch(() => undefined);
  return shards === undefined ? undefined : makeReceipt(shards, await readRunFacts(run));
}

export interface ImportModelCommandOptions {
  readonly out: string;
  readonly tokenizer?: string;
  readonly json?: boolean;
}

/** `provender import-model`: a model of `transformers` becomes a folder that our own commands read. */
export async function importModelCommand(
  folder: string,
  options: ImportModelCommandOptions,
): Promise<number> {
  const { out, tokenizer, json } = options;
  await refuseRunFolder(out);
  const imported = await importModel(folder, resolve(out), { tokenizer });
  if (json) process.stdout.write(`${JSON.stringify({ folder: out, ...imported })}\n`);
  else {
    const { architecture, parameters, shape } = imported;
    const sizes = `${counted(shape.layers, 'layer')} of ${shape.width}, ${counted(shape.heads, 'head')}, a context of ${shape.context}, a vocabulary of ${count(shape.vocabulary)}`;
    process.stdout.write(`${architecture}, ${count(parameters)} parameters: ${sizes}\n\n${out}\n`);
  }
  return 0;
}
