import { spawn } from 'node:child_process';
import { z } from 'zod';
import { type DocumentBatch, DocumentBatchBuilder } from '../batch.ts';
import type { Json } from '../document.ts';
import { CancelledError, InputError } from '../errors.ts';
import type { StageContext } from '../stage.ts';
import { defineStage } from '../step.ts';
import { drop } from '../verdict.ts';

export const PipeOptions = z.strictObject({
  command: z
    .array(z.string())
    .min(1)
    .describe(
      'program and arguments; gets one JSON document a line on standard input, started anew for each batch',
    ),
  timeoutSeconds: z.number().positive().default(300).describe('a batch that takes longer fails the run'),
  reason: z
    .string()
    .regex(/^[a-z0-9-]+$/)
    .default('dropped-by-pipe')
    .describe('what a document that does not come back is counted as'),
});
type Options = z.infer<typeof PipeOptions>;

/** What the program may send back for a document; members that it leaves out stay as they were. */
const Reply = z.looseObject({
  id: z.string(),
  text: z.string().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
});

async function through(options: Options, lines: string, signal: AbortSignal): Promise<string> {
  const [program, ...args] = options.command as [string, ...string[]];
  const named = `pipe ${program}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutSeconds * 1000);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // A program that reads only a part of its input (head, say) closes it: not an error by itself.
    child.stdin.on('error', () => {});
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(
        signal.aborted
          ? new CancelledError()
          : new InputError(`${named}: cannot be run`, { found: error.message, cause: error }),
      );
    });
    child.on('close', (code, killedBy) => {
      clearTimeout(timer);
      if (code === 0) resolve(Buffer.concat(out).toString('utf8'));
      else {
        const said = Buffer.concat(err).toString('utf8').trim().slice(-500);
        reject(
          new InputError(`${named} failed`, {
            expected: 'exit code 0',
            found: `${killedBy ?? code}${said ? `: ${said}` : ''}`,
          }),
        );
      }
    });
    child.stdin.end(lines);
  });
}

function parseReplies(output: string, named: string): Map<string, z.infer<typeof Reply>> {
  const replies = new Map<string, z.infer<typeof Reply>>();
  output.split('\n').forEach((line, i) => {
    if (line.trim() === '') return;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new InputError(`${named} wrote a line that is not JSON`, {
        record: i + 1,
        found: line.slice(0, 120),
        cause: error,
      });
    }
    const reply = Reply.safeParse(value);
    if (!reply.success)
      throw new InputError(`${named} wrote a line that is not a document`, {
        record: i + 1,
        expected: '{"id": ..., "text": ...}',
        found: line.slice(0, 120),
      });
    replies.set(reply.data.id, reply.data);
  });
  return replies;
}

async function pipeBatch(
  batch: DocumentBatch,
  options: Options,
  context: StageContext,
): Promise<DocumentBatch> {
  const named = `pipe ${options.command[0]}`;
  // Ids are only unique in a corpus: the program sees a key that is unique in the batch.
  const lines: string[] = [];
  for (let i = 0; i < batch.length; i++) {
    const { corpus, source, metadata, signals } = batch.rows[i]!;
    lines.push(
      JSON.stringify({
        id: `${i}:${batch.rows[i]!.id}`,
        corpus,
        source,
        text: batch.text(i),
        metadata,
        signals,
      }),
    );
  }
  const replies = parseReplies(await through(options, `${lines.join('\n')}\n`, context.signal), named);
  const builder = new DocumentBatchBuilder();
  let found = 0;
  for (let i = 0; i < batch.length; i++) {
    const row = batch.rows[i]!;
    const reply = replies.get(`${i}:${row.id}`);
    if (!reply) {
      context.refuse(batch, i, drop(options.reason));
      continue;
    }
    found++;
    const metadata = (reply.metadata as Record<string, Json> | undefined) ?? row.metadata;
    builder.add({ ...row, metadata, text: reply.text ?? batch.bytes(i) }, row.ordinal);
  }
  if (found !== replies.size)
    throw new InputError(`${named} sent back documents that it was not given`, {
      expected: 'the ids it got',
      found: `${replies.size - found} others`,
    });
  return builder.take();
}

/** Any program as a filter or an editor. */
export const pipe = defineStage({
  kind: 'pipe',
  summary:
    'sends documents as JSON lines through a program: what it leaves out is dropped, what it changes is changed',
  options: PipeOptions,
  module: import.meta.url,
  from: 'documents',
  to: 'documents',
  needs: [],
  open: (options, context) => ({
    process: (batch) => (batch.length === 0 ? batch : pipeBatch(batch, options, context)),
  }),
});
