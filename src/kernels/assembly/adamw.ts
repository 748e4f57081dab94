// AdamW over arrays of 32-bit floats, a multiple of 4 long, where src/train/optimizers/adamw-kernel.ts puts them. The plain
// twin is the update program that src/train/optimizers/adamw.ts builds: the same operations in the same order, so the same bits.

// @ts-ignore: decorator
@inline
const BYTES: usize = 16;

/**
 * p, m, v and g: a parameter, its two moments and its gradient, which is taken times `clip`. m and v are sums, as the plain
 * twin says; `keep` is what decay leaves of p.
 */
export function update(
  p: usize,
  m: usize,
  v: usize,
  g: usize,
  bytes: usize,
  clip: f32,
  beta1: f32,
  beta2: f32,
  stepSize: f32,
  epsilon: f32,
  keep: f32,
): void {
  const clips = f32x4.splat(clip);
  const betas1 = f32x4.splat(beta1);
  const betas2 = f32x4.splat(beta2);
  const sizes = f32x4.splat(stepSize);
  const epsilons = f32x4.splat(epsilon);
  const keeps = f32x4.splat(keep);
  for (let at: usize = 0; at < bytes; at += BYTES) {
    const clipped = f32x4.mul(v128.load(g + at), clips);
    const first = f32x4.add(f32x4.mul(v128.load(m + at), betas1), clipped);
    const second = f32x4.add(f32x4.mul(v128.load(v + at), betas2), f32x4.mul(clipped, clipped));
    const step = f32x4.div(f32x4.mul(first, sizes), f32x4.add(f32x4.sqrt(second), epsilons));
    v128.store(m + at, first);
    v128.store(v + at, second);
    v128.store(p + at, f32x4.sub(f32x4.mul(v128.load(p + at), keeps), step));
  }
}

/** Adds g to sum. */
export function add(sum: usize, g: usize, bytes: usize): void {
  for (let at: usize = 0; at < bytes; at += BYTES) {
    v128.store(sum + at, f32x4.add(v128.load(sum + at), v128.load(g + at)));
  }
}

/** Sum of squares, in sixteen partial sums of 32 bits: of what lies in one chunk, as much as that is good for. */
export function sumOfSquares(g: usize, bytes: usize): f64 {
  let s0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  const whole = bytes & ~(4 * BYTES - 1);
  let at: usize = 0;
  for (; at < whole; at += 4 * BYTES) {
    const a = v128.load(g + at);
    const b = v128.load(g + at, 16);
    const c = v128.load(g + at, 32);
    const d = v128.load(g + at, 48);
    s0 = f32x4.add(s0, f32x4.mul(a, a));
    s1 = f32x4.add(s1, f32x4.mul(b, b));
    s2 = f32x4.add(s2, f32x4.mul(c, c));
    s3 = f32x4.add(s3, f32x4.mul(d, d));
  }
  for (; at < bytes; at += BYTES) {
    const a = v128.load(g + at);
    s0 = f32x4.add(s0, f32x4.mul(a, a));
  }
  const low = f32x4.add(s0, s1);
  const high = f32x4.add(s2, s3);
  return lanes(low) + lanes(high);
}

// @ts-ignore: decorator
@inline
function lanes(x: v128): f64 {
  return (
    <f64>f32x4.extract_lane(x, 0) +
    <f64>f32x4.extract_lane(x, 1) +
    <f64>f32x4.extract_lane(x, 2) +
    <f64>f32x4.extract_lane(x, 3)
  );
}
