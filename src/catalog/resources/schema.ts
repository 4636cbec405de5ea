import { type TObject, type TProperties, Type } from '@sinclair/typebox';

/** Makes a schema of an object with these properties and no others. */
export function exactly<Properties extends TProperties>(properties: Properties): TObject<Properties> {
  return Type.Object(properties, { additionalProperties: false });
}

/** Makes a schema of an object with at least one of these properties and no others. */
export function someOf<Properties extends TProperties>(properties: Properties) {
  return Type.Partial(exactly(properties), { minProperties: 1, additionalProperties: false });
}

/**
 * Makes a schema of texts that the database returns unchanged: no NUL, no half of a surrogate pair. Lengths are in characters.
 * Those beyond U+FFFF take two units of a string, so `maxLength` would count them twice. The pattern means the same with and
 * without the flag `u`.
 */
export function text(maxLength: number, minLength = 1) {
  const character = '(?:[^\\u0000\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])';
  return Type.String({
    pattern: `^${character}{${minLength},${maxLength}}$`,
    description: `${minLength} to ${maxLength} characters.`,
    'x-expected': `a string of ${minLength} to ${maxLength} characters, without NUL`,
  });
}

export const id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const version = Type.Integer({ description: 'Greater after each change.' });
/** The range of `numeric(12, 2)`. */
export const price = Type.Number({ minimum: 0, maximum: 9_999_999_999.99, description: 'Rounded to two decimals.' });
/** The range of `numeric(12, 3)`. */
export const quantity = Type.Number({
  minimum: 0,
  maximum: 999_999_999.999,
  description: 'Rounded to three decimals.',
});
export const name = text(200);
export const unit = text(32);
