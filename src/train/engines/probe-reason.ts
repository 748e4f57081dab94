/** Makes of what libraries say about a device that fails what a reader can use. */

/** What tells most, in words that ONNX Runtime, Dawn and the dynamic loader use. */
const CUDA_FAILURE = /CUDA failure \d+: [^;\n]*[^;\s]/;
const TELLING = [/[^\s:]+\.so[.\d]*: cannot open shared object file/, CUDA_FAILURE, /Couldn't load \w+/];

/** `reason` as thrown, and what a process wrote to its error output on the way. */
export function tidyReason(reason: string, stderr: string): string {
  const first = reason.split('\n', 1)[0]!;
  // ONNX Runtime puts source file, line, function and the failed condition before what it has to say.
  const short = CUDA_FAILURE.exec(first)?.[0] ?? first.replace(/^.* was false\. /, '').trim();
  for (const pattern of TELLING) {
    const found = pattern.exec(stderr)?.[0];
    if (found !== undefined && !short.includes(found)) return `${short} (${found})`;
  }
  return short;
}
