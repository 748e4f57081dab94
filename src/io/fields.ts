import type { Json, NewDocument } from '../core/document.ts';
import { InputError, type Place } from '../core/errors.ts';
import { decodeBinary, fromBinary } from './binary-json.ts';

/** Which field of a record becomes what of a document. A path into nested objects is written `a.b`. */
export interface FieldMap {
  readonly text: string;
  readonly id: string;
  readonly corpus?: string;
  readonly group?: string;
  /** `all`: every other field; `none`; or names of fields. */
  readonly metadata: 'all' | 'none' | readonly string[];
}

type Fields = { readonly [key: string]: Json };

/** A record that cannot become a document, and under which reason it is counted. */
export class BadRecord extends Error {
  readonly reason: string;
  readonly problem: InputError;
  constructor(reason: string, problem: InputError) {
    super(problem.message);
    this.reason = reason;
    this.problem = problem;
  }
}

export function lookUp(record: Fields, path: string): Json | undefined {
  // A field whose own name holds a dot wins over the path.
  if (Object.hasOwn(record, path)) return record[path];
  if (!path.includes('.')) return undefined;
  let value: Json | undefined = record;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Fields)[name];
  }
  return value;
}

export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function metadataOf(record: Fields, map: FieldMap): Record<string, Json> | undefined {
  if (map.metadata === 'none') return undefined;
  const metadata: Record<string, Json> = {};
  const set = (name: string, value: Json) => {
    // `__proto__` as an own key of a parsed record must stay a plain key.
    Object.defineProperty(metadata, name, { value, enumerable: true, writable: true, configurable: true });
  };
  if (map.metadata === 'all') {
    for (const name of Object.keys(record)) {
      if (name === map.text || name === map.id || name === map.corpus || name === map.group) continue;
      const value = record[name]!;
      // What datatrove, dolma and provender itself call `metadata` is laid flat.
      if (name === 'metadata' && isFields(value)) for (const key of Object.keys(value)) set(key, value[key]!);
      else set(name, value);
    }
  } else {
    for (const name of map.metadata) {
      const value = lookUp(record, name);
      if (value !== undefined) set(name, value);
    }
  }
  return metadata;
}

export interface RecordPlace {
  readonly corpus: string;
  readonly source: string;
  readonly start: number;
  readonly end: number;
  readonly group?: string;
}

/** How a record comes, where it was not parsed to what it means. */
export interface RecordForm {
  /** From `parseBinaryJson`: its strings are bytes, and so its text stays. */
  readonly binary?: boolean;
  /** Its text, UTF-8, in place of which the record has the empty string. */
  readonly text?: Uint8Array;
}

/**
 * The document that a record's fields make. Throws BadRecord: `not-an-object`, `missing-text`, `empty-text`.
 */
export function documentOf(
  record: unknown,
  map: FieldMap,
  at: RecordPlace,
  place: Place,
  { binary = false, text }: RecordForm = {},
): NewDocument {
  if (!isFields(record))
    throw new BadRecord(
      'not-an-object',
      new InputError('not an object', { ...place, expected: 'an object', found: kindOf(record) }),
    );
  const found = text?.length ? text : textOf(record, map, place);
  const name = (path: string | undefined): string | undefined => {
    const value = path === undefined ? undefined : lookUp(record, path);
    return typeof value === 'string' && value !== ''
      ? binary
        ? fromBinary(value)
        : value
      : typeof value === 'number'
        ? String(value)
        : undefined;
  };
  const metadata = metadataOf(record, map);
  return {
    id: name(map.id) ?? `${at.source}#${at.start}`,
    corpus: name(map.corpus) ?? at.corpus,
    source: at.source,
    start: at.start,
    end: at.end,
    text: binary && typeof found === 'string' ? Buffer.from(found, 'latin1') : found,
    group: name(map.group) ?? at.group,
    metadata: binary && metadata ? (decodeBinary(metadata) as Record<string, Json>) : metadata,
  };
}

function textOf(record: Fields, { text: field }: FieldMap, place: Place): string {
  const text = lookUp(record, field);
  if (typeof text !== 'string')
    throw new BadRecord(
      'missing-text',
      new InputError('no text', {
        ...place,
        expected: `a string in field '${field}'`,
        found: kindOf(text),
      }),
    );
  if (text === '')
    throw new BadRecord(
      'empty-text',
      new InputError('empty text', {
        ...place,
        expected: `text in field '${field}'`,
        found: 'an empty string',
      }),
    );
  return text;
}
