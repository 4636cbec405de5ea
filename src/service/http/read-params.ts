import { type Params, pathParams, type Query } from '../../resources/params.ts';
import { Problem } from './problem.ts';

/** Matches an id, which has one spelling: no sign, no leading zero, no exponent, no fraction. */
const ID = /^[1-9][0-9]{0,15}$/;

const WHOLE = /^(?:0|[1-9][0-9]{0,15})$/;

/** Reads the parameters of one request. It throws a {@link Problem} (400) that names the first invalid one. */
export type ReadParams = (path: Readonly<Record<string, string>>, url: string) => Params;

/** Returns a reader of the parameters of a route and its query. */
export function paramsReader(route: string, query: Query): ReadParams {
  const names = pathParams(route);
  const queryNames = Object.keys(query);
  return (path, url) => {
    const params: Record<string, number> = {};
    for (const name of names) params[name] = readId(name, path[name]);
    const mark = url.indexOf('?');
    if (mark === -1) for (const name of queryNames) params[name] = query[name]?.default ?? 0;
    else readQuery(params, query, new URLSearchParams(url.slice(mark + 1)));
    return params;
  };
}

/**
 * Reads an id of a path: `^[1-9][0-9]{0,15}$`, at most 2⁵³−1.
 * @throws {@link Problem} 400
 */
export function readId(name: string, text: string | undefined): number {
  const id = Number(text);
  if (text !== undefined && ID.test(text) && Number.isSafeInteger(id)) return id;
  throw new Problem(400, `${name} must be a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`);
}

/**
 * Refuses a query on a route without parameters in it. An ignored word, such as `?dryRun=true`, must not seem to count.
 * @throws {@link Problem} 400
 */
export function assertNoQuery(url: string): void {
  const mark = url.indexOf('?');
  if (mark !== -1) readQuery({}, {}, new URLSearchParams(url.slice(mark + 1)));
}

function readQuery(params: Record<string, number>, query: Query, given: URLSearchParams): void {
  for (const name of given.keys()) {
    if (!Object.hasOwn(query, name))
      throw new Problem(400, `Unknown query parameter ${JSON.stringify(name.slice(0, 80))}`);
  }
  for (const [name, { minimum, maximum, default: otherwise }] of Object.entries(query)) {
    const texts = given.getAll(name);
    const text = texts[0];
    const value = text === undefined ? otherwise : WHOLE.test(text) ? Number(text) : Number.NaN;
    // Every comparison with NaN is false.
    if (texts.length > 1 || !(value >= minimum && value <= maximum)) {
      throw new Problem(400, `${name} must be given at most once, as a whole number from ${minimum} to ${maximum}`);
    }
    params[name] = value;
  }
}
