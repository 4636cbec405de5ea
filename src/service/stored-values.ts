import { TypeCompiler } from '@sinclair/typebox/compiler';
import { CodecError } from '../core/model/errors.ts';
import type { Resource } from '../resources/resource.ts';
import { shapeOf } from '../resources/stored-shape.ts';
import type { GroupOf } from './key-groups.ts';

/**
 * The check of what L2 holds, for `createCache({ validate })`: a value must have the shape of its resource's schema, and be
 * of the row and the org that its key names. Each schema is compiled once. Another value would be an answer that no client
 * expects, or fail while it is made into one.
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

/** The value must answer its key: what another row or another org has is no answer under it. */
function checkOf({ schema, answers, paramsOf }: Resource): (value: unknown, key: string) => boolean {
  const shape = TypeCompiler.Compile(shapeOf(schema));
  return (value, key) => {
    const params = paramsOf(key);
    return params !== undefined && shape.Check(value) && answers(params, value);
  };
}
