import { classWeights, type Scored } from './train.ts';

const BINS = 10;

/** One bar of a reliability diagram. */
export interface ReliabilityBin {
  readonly documents: number;
  /** Mean of the predicted probabilities, and the share that is good indeed (both sides weighing the same). */
  readonly predicted: number;
  readonly observed: number;
}

export interface ClassifierEvaluation {
  readonly documents: number;
  /** Area under the ROC curve: how often a good document scores above a bad one; ties count half. */
  readonly auc: number;
  readonly accuracy: number;
  /** Nats a document. */
  readonly logLoss: number;
  readonly brier: number;
  /** Expected calibration error over ten bins of equal width. */
  readonly calibrationError: number;
  readonly reliability: readonly ReliabilityBin[];
}

/** By ranks (Mann and Whitney 1947); equal scores share the mean of their ranks. */
export function areaUnderCurve(scored: readonly Scored[]): number {
  const sorted = [...scored].sort((a, b) => a.logit - b.logit);
  let rankSum = 0;
  let good = 0;
  for (let from = 0; from < sorted.length; ) {
    let to = from;
    let here = 0;
    while (to < sorted.length && sorted[to]!.logit === sorted[from]!.logit) here += sorted[to++]!.label;
    rankSum += here * ((from + 1 + to) / 2);
    good += here;
    from = to;
  }
  const bad = sorted.length - good;
  return good === 0 || bad === 0 ? Number.NaN : (rankSum - (good * (good + 1)) / 2) / (good * bad);
}

/** Measures logits against labels, both sides weighing the same. */
export function evaluate(scored: readonly Scored[]): ClassifierEvaluation {
  const good = scored.filter(({ label }) => label === 1).length;
  const worth = classWeights([scored.length - good, good]);
  const bins = Array.from({ length: BINS }, () => ({ documents: 0, weight: 0, predicted: 0, observed: 0 }));
  let [logLoss, brier, right] = [0, 0, 0];
  for (const { logit, label } of scored) {
    const p = 1 / (1 + Math.exp(-logit));
    const w = worth[label];
    // log(1 + e^x) without overflow: the loss of a sigmoid.
    const wrong = label === 1 ? -logit : logit;
    logLoss += w * (Math.max(wrong, 0) + Math.log1p(Math.exp(-Math.abs(wrong))));
    brier += w * (p - label) ** 2;
    if (p >= 0.5 === (label === 1)) right += w;
    const bin = bins[Math.min(BINS - 1, Math.floor(p * BINS))]!;
    bin.documents++;
    bin.weight += w;
    bin.predicted += w * p;
    bin.observed += w * label;
  }
  const n = scored.length;
  const gap = bins.reduce((sum, bin) => sum + Math.abs(bin.predicted - bin.observed), 0);
  return {
    documents: n,
    auc: areaUnderCurve(scored),
    accuracy: right / n,
    logLoss: logLoss / n,
    brier: brier / n,
    calibrationError: gap / n,
    reliability: bins.map(({ documents, weight, predicted, observed }) => ({
      documents,
      predicted: weight === 0 ? 0 : predicted / weight,
      observed: weight === 0 ? 0 : observed / weight,
    })),
  };
}
