/** What an answer says of where it came from. Every `ttl` is `N`: how much is left of it depends on the moment. */
export interface Provenance {
  readonly status: number;
  readonly tier: string | null;
  readonly cacheStatus: string | null;
}

/** Reads the provenance of an answer. */
export function provenanceOf({ status, headers }: Pick<Response, 'status' | 'headers'>): Provenance {
  return {
    status,
    tier: headers.get('x-cache-tier'),
    cacheStatus:
      headers
        .get('cache-status')
        ?.replace(/ttl=\d+/g, 'ttl=N')
        .replace(/ttl=-\d+/g, 'ttl=-N') ?? null,
  };
}

/** A load that filled both tiers. */
export const LOADED: Provenance = {
  status: 200,
  tier: 'source',
  cacheStatus: 'tiercel-l2; fwd=uri-miss; stored, tiercel-l1; fwd=uri-miss; stored',
};

/** A hit in the process that was asked. */
export const FROM_L1: Provenance = { status: 200, tier: 'l1', cacheStatus: 'tiercel-l1; hit; ttl=N' };

/** A hit in Redis that filled L1. */
export const FROM_L2: Provenance = {
  status: 200,
  tier: 'l2',
  cacheStatus: 'tiercel-l2; hit; ttl=N, tiercel-l1; fwd=uri-miss; stored',
};

/** The headers by which a cache shows itself. */
export const CACHE_HEADERS = ['cache-status', 'x-cache-tier', 'server-timing', 'age', 'etag'] as const;

/** Those of {@link CACHE_HEADERS} that an answer carries. */
export function cacheHeadersOf({ headers }: Pick<Response, 'headers'>): string[] {
  return CACHE_HEADERS.filter((name) => headers.has(name));
}
