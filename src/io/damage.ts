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
