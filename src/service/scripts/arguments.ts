import { UsageError } from './run-script.ts';

/** Reads an id by the API's rule: 1 to 2⁵³−1 in plain digits. */
export function parseId(text: string, name: string): number {
  const id = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(id))
    throw new UsageError(`${name} must be an id, 1 or greater; got ${JSON.stringify(text)}`);
  return id;
}
