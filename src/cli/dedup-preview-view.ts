import pc from 'picocolors';
import { bytes, count, counted, duration, excerpt, printable, table } from '../core/format.ts';
import { markDifferences } from '../dedup/differences.ts';
import type { MinhashPreview, PreviewBin } from '../dedup/preview.ts';
import type { DocumentSample } from './dedup-sample.ts';

const WORDS_SHOWN = 24;

const share = (bin: PreviewBin): string =>
  bin.pairs === 0 ? '-' : `${((100 * bin.found) / bin.pairs).toFixed(1)} %`;

function curve({ bins, probes, threshold }: MinhashPreview): string[] {
  const rows = [['similarity', 'pairs', 'found', '', 'copies', 'found', '', 'predicted', '']];
  bins.forEach((bin, i) => {
    const probe = probes[i]!;
    rows.push([
      `${bin.from.toFixed(2)} - ${bin.to.toFixed(2)}`,
      count(bin.pairs),
      count(bin.found),
      share(bin),
      count(probe.pairs),
      count(probe.found),
      share(probe),
      `${(100 * (bin.pairs ? bin.predicted : probe.predicted)).toFixed(1)} %`,
      threshold >= bin.from && threshold < bin.to ? `< from ${threshold.toFixed(2)} on alike` : '',
    ]);
  });
  const right = Array.from({ length: 7 }, () => 'right' as const);
  const lines = table(rows, ['left', ...right, 'left']);
  lines[0] = pc.bold(lines[0]!);
  return lines;
}

function exampleLines({ bins }: MinhashPreview, { documents }: DocumentSample): string[] {
  const lines: string[] = [];
  for (const bin of [...bins].reverse()) {
    const pair = bin.examples[0];
    if (!pair) continue;
    const [a, b] = pair.map((i) => documents[i]!) as [
      DocumentSample['documents'][0],
      DocumentSample['documents'][0],
    ];
    lines.push('', pc.bold(`${bin.from.toFixed(2)} - ${bin.to.toFixed(2)}`));
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const)
      lines.push(`  ${pc.cyan(excerpt(one.name, 60))}`, `    ${marked(one.utf8, other.utf8)}`);
  }
  return lines;
}

function marked(text: Uint8Array, other: Uint8Array): string {
  const decode = (utf8: Uint8Array): string => Buffer.from(utf8).toString('utf8');
  return markDifferences(decode(text), decode(other), WORDS_SHOWN)
    .map(({ text: part, differs }) => {
      const flat = printable(part).replace(/\s+/g, ' ');
      return differs ? pc.yellow(flat) : flat;
    })
    .join('');
}

/** What `provender dedup preview` prints. */
export function previewLines(preview: MinhashPreview, sample: DocumentSample): string[] {
  const { bands, rows, minJaccard, threshold, forecast } = preview;
  const verified =
    minJaccard === undefined ? 'candidates count as they are' : `verified at ${minJaccard.toFixed(2)}`;
  const read =
    sample.readBytes < sample.totalBytes
      ? `, from ${bytes(sample.readBytes)} of ${bytes(sample.totalBytes)}`
      : '';
  const disk = forecast.temporaryBytes > 0 ? `, ${bytes(forecast.temporaryBytes)} more for a while` : '';
  return [
    `sample     ${counted(preview.documents, 'document')} of ${read ? 'about ' : ''}${count(sample.estimate)}${read}; ${count(preview.withoutSignature)} without a signature`,
    `options    ${bands} bands of ${rows} rows, ${verified}`,
    '',
    ...curve(preview),
    '',
    `pairs      ${count(preview.candidates)} in the sample share a band; of those at least ${threshold.toFixed(2)} alike ${(100 * preview.precision).toFixed(1)} % (precision${minJaccard === undefined ? '' : ' before verification'})`,
    `           of ${count(preview.alike)} pairs so alike ${(100 * preview.recall).toFixed(1)} % are found (recall)`,
    `forecast   for ${counted(forecast.documents, 'document')}, from this machine and this sample:`,
    `           disk ${bytes(forecast.diskBytes)}${disk}; memory ${bytes(forecast.memoryBytes)} for the clusters, ${bytes(forecast.workerBytes)} a worker`,
    `           about ${duration(forecast.signatureSeconds)} for signatures and ${duration(forecast.clusterSeconds)} for clusters, reading not counted`,
    ...exampleLines(preview, sample),
  ];
}
