// What `provender ablate` costs beside the same trainings run by hand.
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { planArms } from '../../dist/ablate/arms.js';
import { readAblationFile } from '../../dist/ablate/file.js';
import { prepare } from '../../dist/ablate/prepare.js';
import { planTrainings } from '../../dist/ablate/trainings.js';
import { stepTable } from '../../dist/step-table.js';
import { median } from './peers.mjs';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const LANE = fileURLToPath(new URL('./ablate-lane.mjs', import.meta.url));
const FILE = fileURLToPath(new URL('../../pipelines/ablate-quickstart.yaml', import.meta.url));
const PROCESSES = 2;
const ROUNDS = 2;
/** Two thirds of the quickstart's budget, a third of its seeds: what orchestration costs weighs the more. */
const SETTINGS = [
  { text: 'seeds=2', value: 2 },
  { text: 'budget={tokens: 200000}', value: { tokens: 200_000 } },
];

function ended(child, what) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`${what} ended with ${code}`))));
  });
}

/** The command, whose preparation is complete and whose trainings are all to do: seconds. */
async function orchestrated(folder) {
  rmSync(join(folder, 'trainings'), { recursive: true, force: true });
  const started = performance.now();
  const settings = SETTINGS.flatMap(({ text }) => ['--set', text]);
  const args = ['ablate', FILE, '--out', folder, '--quiet', '--processes', `${PROCESSES}`, ...settings];
  await ended(spawn(process.execPath, [CLI, ...args], { stdio: 'ignore' }), 'provender ablate');
  return (performance.now() - started) / 1000;
}

/** The same trainings, dealt out to as many processes, one after another in each: seconds. */
async function byHand(tasks, scratch) {
  rmSync(scratch, { recursive: true, force: true });
  const started = performance.now();
  const lanes = Array.from({ length: PROCESSES }, (_, lane) => {
    const mine = tasks.filter((_task, i) => i % PROCESSES === lane);
    const child = fork(LANE, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child.send(mine.map((task, i) => ({ ...task, folder: join(scratch, `${lane}-${i}`) })));
    return ended(child, 'a lane');
  });
  await Promise.all(lanes);
  return (performance.now() - started) / 1000;
}

export async function orchestration() {
  const folder = mkdtempSync(join(tmpdir(), 'provender-bench-ablate-'));
  try {
    const file = await readAblationFile(FILE, SETTINGS);
    const prepared = await prepare({ file, arms: await planArms(file, stepTable), table: stepTable, folder });
    const units = await planTrainings(file, prepared, folder);
    const tasks = units.map(({ task }) => task);
    const times = { ours: [], hand: [] };
    for (let round = 0; round < ROUNDS; round++) {
      const first = round % 2 === 0;
      if (first) times.ours.push(await orchestrated(folder));
      times.hand.push(await byHand(tasks, join(folder, 'by-hand')));
      if (!first) times.ours.push(await orchestrated(folder));
    }
    const { trainings } = JSON.parse(readFileSync(join(folder, 'ablation.json'), 'utf8'));
    if (trainings.length !== tasks.length || trainings.some(({ status }) => status !== 'complete'))
      throw new Error('the ablation did not carry out the trainings');
    const rate = (seconds) => tasks.length / (median(seconds) / 60);
    const [ours, hand] = [rate(times.ours), rate(times.hand)];
    const row = { area: 'ablate', case: 'orchestration', unit: 'trainings/min', ours };
    return [{ ...row, peers: { 'by hand': hand }, ratio: { 'by hand': ours / hand } }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
