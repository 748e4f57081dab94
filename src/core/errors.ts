/** Where in an input something was found. Offsets are bytes in the decompressed source unless said otherwise. */
export interface Place {
  readonly file?: string;
  readonly offset?: number;
  readonly record?: number;
}

export interface Problem extends Place {
  /** What was wanted there. */
  readonly expected?: string;
  /** What was there instead. */
  readonly found?: string;
  readonly cause?: unknown;
}

function describe(what: string, p: Problem): string {
  const where: string[] = [];
  if (p.file !== undefined) where.push(p.file);
  if (p.offset !== undefined) where.push(`byte ${p.offset}`);
  if (p.record !== undefined) where.push(`record ${p.record}`);
  let text = where.length ? `${where.join(', ')}: ${what}` : what;
  if (p.expected !== undefined) text += `; expected ${p.expected}`;
  if (p.found !== undefined) text += `; found ${p.found}`;
  return text;
}

/** The base of every error that provender raises itself. `retryable` says whether the same call may succeed later. */
export class ProvenderError extends Error {
  readonly retryable: boolean = false;
  readonly problem: Problem;
  constructor(what: string, problem: Problem = {}) {
    super(describe(what, problem), problem.cause === undefined ? undefined : { cause: problem.cause });
    this.name = new.target.name;
    this.problem = problem;
  }
}

/** The command line or a pipeline file is wrong: exit code 2, a retry cannot help. */
export class ConfigurationError extends ProvenderError {}

/** One record or one file of input is bad: set aside and counted, the rest goes on. */
export class InputError extends ProvenderError {}

/** An artifact of provender's own (part, shard, signature file, checkpoint) is not what its header or manifest says. */
export class IntegrityError extends ProvenderError {}

/** Something outside that may pass: a busy disk, a network. A retry may help. */
export class TransientError extends ProvenderError {
  override readonly retryable: boolean = true;
}

/** The disk is or would be full, or memory ran out: a retry helps once somebody made room. */
export class ResourceError extends ProvenderError {}

/** Training blew up: the same call with the same options would do so again. */
export class DivergenceError extends ProvenderError {}

/** Ctrl-C or an abort signal: exit code 130, the run can go on. */
export class CancelledError extends ProvenderError {
  constructor(what = 'cancelled') {
    super(what);
  }
}

/** A promise of provender's own code was broken: a defect, not a user's mistake. */
export class InvariantError extends ProvenderError {}

const TRANSIENT_CODES = new Set(['EAGAIN', 'EBUSY', 'EMFILE', 'ENFILE', 'ETIMEDOUT', 'ECONNRESET', 'EINTR']);

/** Code of a step threw something of its own: a defect of the step, whose author needs the stack. */
export class StepError extends ProvenderError {}

/** What a step's code threw, as a StepError with its stack: a step may throw a string, or nothing at all. */
export function stepError(thrown: unknown, what?: string): StepError {
  const said = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : `threw ${String(thrown)}`;
  const error = new StepError(what === undefined ? said : `${what}: ${said}`, { cause: thrown });
  // Where this error was made tells the author of the step nothing.
  error.stack = thrown instanceof Error ? (thrown.stack ?? '') : '';
  return error;
}

/** Whether Node raised it for a call to the system: such errors carry a code, and mostly the path. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** Gives a system error a class: a full disk, a passing fault, or a bad input at `place`. */
export function classifySystemError(error: unknown, place: Place = {}): ProvenderError {
  if (error instanceof ProvenderError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new ResourceError('no space left on the disk', { ...place, cause: error });
  if (code !== undefined && TRANSIENT_CODES.has(code))
    return new TransientError(message, { ...place, cause: error });
  if (code === 'ENOENT') return new InputError('no such file', { ...place, cause: error });
  if (code === 'EACCES' || code === 'EPERM')
    return new InputError('no permission', { ...place, cause: error });
  if (code === 'EROFS')
    return new ConfigurationError('the file system is read-only', { ...place, cause: error });
  if (code === 'EISDIR') return new InputError('a folder, not a file', { ...place, cause: error });
  return new InputError(message, { ...place, cause: error });
}
