// npm run bench -- AREA [--case NAME ...] [--json]
// Each area is a module beside this one that exports `run({ cases })`; it sets up its peers itself, checks that
// the outputs agree before it times anything, interleaves the candidates and gives rows
// {area, case, unit, ours, peers: {name: value}, ratio: {name: ours/peer}}; a ratio above 1 means provender is better.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const folder = fileURLToPath(new URL('.', import.meta.url));
const AREAS = ['ingest', 'quality', 'dedup', 'tokenize', 'shard', 'train', 'ablate'];
const there = AREAS.filter((area) => existsSync(`${folder}${area}.mjs`));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true, default: [] },
  },
});
const areas = positionals.length ? positionals : there;
for (const area of areas) {
  if (!there.includes(area)) {
    console.error(`no benchmark is called '${area}'; there are: ${there.join(', ')}`);
    process.exit(2);
  }
}

function show(row) {
  const number = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));
  console.log(`${row.area} · ${row.case}: ${number(row.ours)} ${row.unit}`);
  for (const [peer, value] of Object.entries(row.peers)) {
    console.log(
      `    ${peer.padEnd(24)} ${number(value).padStart(10)} ${row.unit}   ratio ${row.ratio[peer].toFixed(2)}`,
    );
  }
  for (const [name, { precision, recall, f1 }] of Object.entries(row.scores ?? {})) {
    const fixed = (value) => value.toFixed(3);
    console.log(
      `    ${name.padEnd(24)} precision ${fixed(precision)}, recall ${fixed(recall)}, F1 ${fixed(f1)}`,
    );
  }
}

for (const area of areas) {
  const { run } = await import(`./${area}.mjs`);
  const rows = (await run({ cases: values.case })) ?? [];
  for (const row of rows) {
    if (values.json) console.log(JSON.stringify(row));
    else show(row);
  }
}
