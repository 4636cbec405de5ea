import { TypeCompiler } from '@sinclair/typebox/compiler';
import { CodecError } from '../core/model/errors.ts';
import type { Resource } from '../resources/resource.ts';
import { shapeOf } from '../resources/stored-shape.ts';
import type { GroupOf } from './key-groups.ts';

/**
 * Returns the check of the values in L2, for `createCache({ validate })`. A value must have the shape of its resource's
 * schema. It must belong to the row and the org that its key names. Any other value would be an answer that no client
 * expects, or fail while the service makes the answer. Each schema is compiled once.
 * @throws {@link CodecError} from the check, so that the cache reports the value and does not use it.
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

/**
 * Returns the check of one resource. The value must answer its key: the value of another row or another org is no answer
 * under it.
 */
function checkOf({ schema, answers, paramsOf }: Resource): (value: unknown, key: string) => boolean {
  const shape = TypeCompiler.Compile(shapeOf(schema));
  return (value, key) => {
    const params = paramsOf(key);
    return params !== undefined && shape.Check(value) && answers(params, value);
  };
}
