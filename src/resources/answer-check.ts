import type { TSchema } from '@sinclair/typebox';
import { type Params, pathParams } from './params.ts';

/** Tells if a value answers the parameters, as far as it says so itself. */
export type AnswerCheck<P extends Params, V> = (params: P, value: V) => boolean;

/** The parts of a resource that {@link answerCheck} goes by. */
export interface CheckedResource<P extends Params, V> {
  readonly route: string;
  readonly schema: TSchema;
  fits?(params: P, value: V): boolean;
}

/**
 * Makes the check of a resource's values. A value that has a member named as a parameter of the path, `id` or `orgId`, must
 * hold the number of the path there; of a list every row must. What the resource itself knows comes on top.
 */
export function answerCheck<P extends Params, V>(resource: CheckedResource<P, V>): AnswerCheck<P, V> {
  const { route, schema } = resource;
  const isList = schema.type === 'array';
  const row: TSchema = isList ? schema.items : schema;
  const shared = pathParams(route).filter((name) => Object.hasOwn(Object(row.properties), name));
  const isOfPath = (params: P, given: unknown): boolean =>
    shared.every((name) => params[name] === Reflect.get(Object(given), name));
  return (params, value) => {
    const rows: readonly unknown[] = isList && Array.isArray(value) ? value : [value];
    return rows.every((each) => isOfPath(params, each)) && (resource.fits?.(params, value) ?? true);
  };
}
