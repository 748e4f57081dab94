/** The fields of someone's config.json, checked as they are read. */

import { ConfigurationError } from '../../core/errors.ts';

export class ConfigFields {
  readonly file: string;
  private readonly fields: Readonly<Record<string, unknown>>;

  constructor(file: string, fields: Readonly<Record<string, unknown>>) {
    this.file = file;
    this.fields = fields;
  }

  /** undefined where the field is missing or null, which mean the same to `transformers`. */
  value(name: string): unknown {
    return this.fields[name] ?? undefined;
  }

  size(name: string, fallback?: number): number {
    const value = this.value(name) ?? fallback;
    if (Number.isInteger(value) && (value as number) > 0) return value as number;
    throw this.error(name, 'a whole number of at least 1', value);
  }

  number(name: string, fallback: number): number {
    const value = this.value(name) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.error(name, 'a number', value);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.value(name) ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.error(name, 'true or false', value);
  }

  /** The value, where it is a key of `known`: what that means to us. */
  choice<T>(name: string, known: Readonly<Record<string, T>>, fallback: string): T {
    const value = this.value(name) ?? fallback;
    if (typeof value === 'string' && Object.hasOwn(known, value)) return known[value]!;
    throw this.error(name, Object.keys(known).join(' or '), value);
  }

  /** Throws where the field says something that our models do not compute. */
  require(name: string, expected: string | number | boolean, fallback: unknown = expected): void {
    const value = this.value(name) ?? fallback;
    if (value !== expected) throw this.error(name, `${expected}`, value);
  }

  /** The id of a token; the first where there are several. */
  token(name: string): number | undefined {
    const value = this.value(name);
    const first = Array.isArray(value) ? value[0] : value;
    return Number.isInteger(first) ? (first as number) : undefined;
  }

  error(name: string, expected: string, found: unknown): ConfigurationError {
    return new ConfigurationError(`${name}: this model cannot be taken over`, {
      file: this.file,
      expected,
      found: found === undefined ? 'nothing' : JSON.stringify(found),
    });
  }
}
