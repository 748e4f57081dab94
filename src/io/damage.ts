import { InputError, type Problem } from '../core/errors.ts';

export type DamageReason = 'truncated-input' | 'corrupt-input' | 'unsupported-compression';

/** The stream of a file ends before it should, or is not what its format allows: what came before it is sound. */
export class DamageError extends InputError {
  readonly reason: DamageReason;
  constructor(reason: DamageReason, what: string, problem: Problem) {
    super(what, problem);
    this.reason = reason;
  }
}

/** What a decompressor says of a stream: `unit` is what it was reading ("gzip member"), `disk` how far it had come. */
export function damagedStream(
  unit: string,
  truncated: boolean,
  failure: unknown,
  at: { readonly file: string; readonly offset: number; readonly disk: number },
): DamageError {
  const name = unit.split(' ', 1)[0]!;
  const message = failure instanceof Error ? failure.message : String(failure);
  return new DamageError(
    truncated ? 'truncated-input' : 'corrupt-input',
    truncated ? `${name} data cut off` : `${name} data damaged`,
    {
      file: at.file,
      offset: at.offset,
      expected: truncated ? `the rest of a ${unit}` : `a valid ${unit}`,
      found: `${truncated ? 'the end of the file' : message} at compressed byte ${at.disk}`,
      cause: failure,
    },
  );
}
