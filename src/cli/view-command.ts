import pc from 'picocolors';
import { bytes, count, excerpt, printable } from '../core/format.ts';
import { type BrowsedDocument, browse, browsePoints } from '../report/browse.ts';

export interface ViewCommandOptions {
  readonly refused?: boolean;
  readonly reason?: string;
  readonly corpus?: string;
  readonly id?: string;
  readonly number: number;
  readonly seed?: number;
  readonly full?: boolean;
  readonly json?: boolean;
}

function heading({ document, refusal }: BrowsedDocument): string {
  const { split } = document;
  const held = split === 'train' ? '' : pc.cyan(split === 'held-out' ? ' held out' : ' validation');
  const range = `bytes ${count(document.start)} to ${count(document.end)}`;
  let line = `${pc.bold(excerpt(document.id || '(no id)', 100))}  ${excerpt(document.corpus, 40)}${held}\n${pc.dim(`${excerpt(document.source, 120)} ${range}`)}`;
  if (refusal) {
    const { step, reason, value, threshold, detail } = refusal;
    const measured =
      value === undefined
        ? ''
        : `: ${Number(value.toPrecision(4))}${threshold === undefined ? '' : `, threshold ${threshold}`}`;
    line += `\n${pc.yellow(`${step} refused it: ${reason}${measured}`)}${detail ? ` (${excerpt(detail, 200)})` : ''}`;
  }
  const signals = Object.entries(document.signals).map(
    ([name, value]) => `${name} ${Number(value.toPrecision(4))}`,
  );
  return signals.length ? `${line}\n${pc.dim(signals.join('  '))}` : line;
}

/** `provender view`: without a step, where documents can be looked at; with one, documents there. */
export async function viewCommand(
  run: string,
  step: string | undefined,
  options: ViewCommandOptions,
): Promise<number> {
  if (step === undefined) {
    const points = await browsePoints(run);
    if (options.json) process.stdout.write(`${JSON.stringify(points)}\n`);
    for (const point of options.json ? [] : points) {
      process.stdout.write(
        `${pc.bold(point.step)}  ${count(point.in.documents)} in (${bytes(point.in.bytes)}), ${count(point.out.documents)} kept\n`,
      );
      for (const { reason, documents, bytes: size } of point.reasons)
        process.stdout.write(`    ${reason.padEnd(40)} ${count(documents).padStart(9)}  ${bytes(size)}\n`);
    }
    return 0;
  }
  const { refused, reason, corpus, id, number, seed } = options;
  let shown = 0;
  for await (const found of browse(run, { step, refused, reason, corpus, id, limit: number, seed })) {
    if (options.json)
      process.stdout.write(
        `${JSON.stringify({ ...found.document, text: found.document.text, refusal: found.refusal })}\n`,
      );
    else {
      const text =
        options.full || id !== undefined ? printable(found.document.text) : excerpt(found.document.text, 600);
      process.stdout.write(`${shown ? '\n' : ''}${heading(found)}\n${text}\n`);
    }
    shown++;
  }
  if (shown === 0 && !options.json) process.stdout.write('no document matches\n');
  return 0;
}
