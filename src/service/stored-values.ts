import { TypeCompiler } from '@sinclair/typebox/compiler';
import { CodecError } from '../core/model/errors.ts';
import type { Params } from '../resources/params.ts';
import type { Resource } from '../resources/resource.ts';
import { shapeOf } from '../resources/stored-shape.ts';
import type { GroupOf } from './key-groups.ts';

/**
 * The check of what L2 holds, for `createCache({ validate })`: a value must have the shape of its resource's schema. Each
 * schema is compiled once. Another value would be an answer that no client expects, or fail while it is made into one.
 * @throws {@link CodecError} from the check, so that the value is reported as well as not used.
 */
export function storedValueCheck(
  resources: readonly Resource[],
  groupOf: GroupOf,
): (value: unknown, key: string) => boolean {
  const checks = new Map(resources.map((resource) => [resource.group, checkOf(resource)]));
  return (value, key) => {
    const check = checks.get(groupOf(key));
    if (check === undefined || check(value, key)) return true;
    throw new CodecError('the value is not what its resource serves', { key });
  };
}

/** An org that no other parameter stands for. */
const SOME_ORG = 7_919;

/** Of a value whose key holds the org, the value's own org is looked at too: a row of another is no answer under this key. */
function checkOf(resource: Resource): (value: unknown, key: string) => boolean {
  const { group, schema, owner } = resource;
  const shape = TypeCompiler.Compile(shapeOf(schema));
  const params: Params = new Proxy({}, { get: (_, name) => (name === 'orgId' ? SOME_ORG : 1) });
  if (owner === undefined || !resource.key(params).startsWith(`${group}:${SOME_ORG}:`)) {
    return (value) => shape.Check(value);
  }
  return (value, key) => shape.Check(value) && key.startsWith(`${group}:${owner(value)}:`);
}
