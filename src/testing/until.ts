import { inspect } from 'node:util';

/** The limits of {@link until}. */
export interface Patience {
  /** Names the condition, as the end of the sentence "waited for …". */
  readonly what: string;
  /** Milliseconds after which waiting has failed. Default 5,000. */
  readonly within?: number;
  /** Milliseconds between two looks. Default 5. */
  readonly every?: number;
}

type Truthy<T> = Exclude<T, false | 0 | 0n | '' | null | undefined>;

type Look<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Looks at `condition` repeatedly until it holds. Tests wait with this function for conditions, never for a time.
 *
 * @param condition May throw or reject, which counts as "not yet".
 * @returns The first truthy value.
 * @throws Error naming `what` and the last value or error, once the deadline has passed. It is thrown even if the
 *   condition returned a promise that never settles.
 */
export async function until<T>(condition: () => T | Promise<T>, patience: Patience): Promise<Truthy<T>> {
  const { what, within = 5_000, every = 5 } = patience;
  const deadline = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => deadline.resolve(undefined), within);
  let last: Look<T> | undefined;
  try {
    for (;;) {
      const seen = await Promise.race([look(condition), deadline.promise]);
      if (seen === undefined) break;
      if ('value' in seen && seen.value) return seen.value as Truthy<T>;
      last = seen;
      await Promise.race([new Promise((resolve) => setTimeout(resolve, every)), deadline.promise]);
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`waited ${within} ms for ${what}; ${report(last)}`, {
    cause: last && 'error' in last ? last.error : undefined,
  });
}

async function look<T>(condition: () => T | Promise<T>): Promise<Look<T>> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

function report(last: Look<unknown> | undefined): string {
  if (last === undefined) return 'the condition never answered';
  if ('value' in last) return `the last look saw ${inspect(last.value)}`;
  return `the last look failed with ${last.error instanceof Error ? last.error.message : inspect(last.error)}`;
}
