/** Trains in a process of its own, to be killed: FOLDER SHARDS TOKENIZER OPTIONS-AS-JSON. */

import { trainOptions, trainStep } from '../../src/train/steps/train.ts';
import { jobContext } from '../train/loop-tiny-corpus.ts';

async function main(): Promise<void> {
  const [folder, shards, tokenizer, json] = process.argv.slice(2) as [string, string, string, string];
  const { context } = jobContext(folder, { shards, tokenizer }, (done) => process.stdout.write(`${done}\n`));
  await trainStep.run(trainOptions.parse(JSON.parse(json)), context);
}

void main();
