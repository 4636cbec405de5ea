import type { TSchema } from '@sinclair/typebox';

/** What a client may send is bounded by these. What the source holds need not be: others write to it as well. */
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
 * The schema of a value as it is stored: its types and its properties, without limits of texts, numbers and lists. A value
 * that the source has is of this shape, whatever its limits are there.
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
