import type { Amount, StepTally } from '../core/tally.ts';
import type { Plan, SegmentUnit } from '../execute/plan.ts';
import { readManifest, readPlan } from '../execute/run-folder.ts';
import { chainOf, storedParts, talliesOf } from './run-parts.ts';

/** A point of a run at which documents can be looked at. */
export interface BrowsePoint {
  readonly step: string;
  readonly kind: string;
  readonly in: Amount;
  readonly out: Amount;
  /** What it refused, by reason, most first. */
  readonly reasons: readonly (Amount & { readonly reason: string })[];
  readonly corpora: readonly string[];
  /** Whether what it let through lies in the run directory. */
  readonly keepsDocuments: boolean;
}

/** Where in a segment a step stands. */
export interface Place {
  readonly step: string;
  readonly kind: string;
  readonly unit: SegmentUnit;
  /** Where in the segment's chain the step stands. */
  readonly index: number;
  readonly chain: readonly string[];
}

/** The steps through which documents flow, in order. What a barrier drops is dropped at the head of the next segment. */
export function places(plan: Plan): Place[] {
  const found = new Map<number, Place>();
  for (const unit of plan.units) {
    if (unit.type !== 'segment') continue;
    const steps = chainOf(unit);
    const chain = steps.map(({ name }) => name);
    for (const [index, { position, name, spec }] of steps.entries())
      found.set(position, { step: name, kind: spec.kind, unit, index, chain });
    // A barrier after which nothing flows (shards): what reached it is what left the segment's last step.
    if (unit.tap && !found.has(unit.tap.position)) {
      const { position, name, spec } = unit.tap;
      found.set(position, { step: name, kind: spec.kind, unit, index: chain.length, chain });
    }
  }
  return [...found].sort(([a], [b]) => a - b).map(([, place]) => place);
}

export function keepsDocuments({ unit }: Place): boolean {
  return unit.keepsDocuments || unit.upstream !== undefined;
}

/** Every point of the run at which documents can be looked at, with counts of what is there so far. */
export async function browsePoints(runFolder: string): Promise<BrowsePoint[]> {
  const points: BrowsePoint[] = [];
  const tallies = new Map<SegmentUnit, Record<string, StepTally>>();
  for (const place of places(await readPlan(runFolder))) {
    const { unit, step, kind } = place;
    if (!tallies.has(unit)) tallies.set(unit, await talliesIn(runFolder, unit));
    points.push(pointOf(step, kind, tallies.get(unit)![step], keepsDocuments(place)));
  }
  return points;
}

/** A complete segment's are in its manifest, which `provender clean` leaves. */
export async function talliesIn(runFolder: string, unit: SegmentUnit): Promise<Record<string, StepTally>> {
  const manifest = await readManifest(runFolder, unit);
  return manifest?.tallies ?? talliesOf(await storedParts(runFolder, unit));
}

export function pointOf(
  step: string,
  kind: string,
  tally: StepTally | undefined,
  keepsThem: boolean,
): BrowsePoint {
  const nothing = { documents: 0, bytes: 0 };
  return {
    step,
    kind,
    in: tally?.in ?? nothing,
    out: tally?.out ?? nothing,
    reasons: Object.entries(tally?.drops ?? {})
      .map(([reason, amount]) => ({ reason, ...amount }))
      .sort((a, b) => b.documents - a.documents || (a.reason < b.reason ? -1 : 1)),
    corpora: Object.keys(tally?.byCorpus ?? {}).sort(),
    keepsDocuments: keepsThem,
  };
}
