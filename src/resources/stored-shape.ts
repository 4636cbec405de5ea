import type { TSchema } from '@sinclair/typebox';

/** These keywords limit the values that a client may send. The source may hold others, since other programs write to it. */
const LIMITS: ReadonlySet<PropertyKey> = new Set([
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minItems',
  'maxItems',
  'uniqueItems',
]);

/** Keywords whose value is one schema, or a list of them. */
const SCHEMAS: ReadonlySet<PropertyKey> = new Set(['items', 'additionalProperties', 'not', 'anyOf', 'allOf', 'oneOf']);

/** Keywords whose value has a schema for each name. */
const NAMED: ReadonlySet<PropertyKey> = new Set(['properties', 'patternProperties']);

/**
 * Returns the schema of a value as it is stored: its types and its properties, without limits of texts, numbers and lists.
 * Every value of the source has this shape, also one beyond the limits.
 */
export function shapeOf(schema: TSchema): TSchema {
  return schemaOf(schema) as TSchema;
}

function schemaOf(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(schemaOf);
  if (typeof given !== 'object' || given === null) return given;
  // TypeBox keeps the kind of a schema under symbols.
  const keywords = Reflect.ownKeys(given).filter((keyword) => !LIMITS.has(keyword));
  return Object.fromEntries(keywords.map((keyword) => [keyword, valueUnder(keyword, Reflect.get(given, keyword))]));
}

function valueUnder(keyword: PropertyKey, value: unknown): unknown {
  if (SCHEMAS.has(keyword)) return schemaOf(value);
  if (!NAMED.has(keyword) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, schema]) => [name, schemaOf(schema)]));
}
