import type { Config } from './config/load-config.ts';

/** The facts that {@link startGuide} shows to a developer. */
export interface StartGuide {
  /** The URL at which the service listens. */
  readonly url: string;
  readonly auth: Config['auth']['mode'];
  /**
   * A token for the viewer's routes: one that was generated for this run, or a variable's name. `undefined`: the routes are
   * closed.
   */
  readonly viewerToken: string | undefined;
  /** Seconds from the beginning of the start. */
  readonly seconds: number;
}

/** Returns a short list of addresses, with commands to paste. */
export function startGuide({ url, auth, viewerToken, seconds }: StartGuide): string {
  const origin = reachable(url);
  const product = `${origin}/api/v1/orgs/1/products/1`;
  const asUser = auth === 'none' ? '' : '-H "authorization: Bearer $TOKEN" ';
  return [
    '',
    `Tiercel is ready after ${seconds.toFixed(1)} s.`,
    '',
    `  ${origin}/          what it serves`,
    `  ${origin}/openapi   the API, to read and to try`,
    '',
    ...(auth === 'none' ? [] : ['  TOKEN=$(bun run token:create --org 1 --role writer)']),
    `  curl -i ${asUser}${product}     # twice: X-Cache-Tier says source, then l1`,
    `  curl ${asUser}-X PATCH -H 'content-type: application/json' -d '{"price":12.5}' ${product}`,
    ...(viewerToken === undefined
      ? []
      : ['', '/health'].map((path) => {
          return `  curl -H "authorization: Bearer ${viewerToken}" ${origin}/api/v1/cache${path}`;
        })),
    '',
    '  Ctrl-C ends it.',
    '',
  ].join('\n');
}

/** Replaces an address that stands for all of a machine, because a browser cannot go there. */
function reachable(url: string): string {
  return url.replace(/^(https?:\/\/)(?:0\.0\.0\.0|\[::\])/, '$1localhost');
}
