// A process to be killed: builds shards of one side file, or removes documents from them, as its argument says.
import { buildShards } from '../../dist/shard/build.js';
import { clearLeftovers, findRemovals, removeDocuments } from '../../dist/shard/remove.js';

const { side, folder, options, tokenizer, request } = JSON.parse(process.argv[2]);
process.stdout.write('begins\n');
if (request) {
  // As `provender remove` does: where the last one was killed when all but the old shards was done, they go now.
  if ((await findRemovals(folder, request)).length > 0) await removeDocuments(folder, request);
  else await clearLeftovers(folder);
} else {
  const input = {
    ...{ sides: [side], folder, endOfText: 299, progress: { report() {} }, say() {} },
    tokenizer: { digest: tokenizer, vocabularySize: 300, specialTokens: new Map([['<|endoftext|>', 299]]) },
    signal: new AbortController().signal,
    ...{ threads: 3, bytesAThread: 1 },
  };
  await buildShards(input, options);
}
