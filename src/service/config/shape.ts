import type { Values } from './variables.ts';

/** An operator's token: given by the operator, to be generated and printed once, or none (its routes answer 403). */
export type StaticToken =
  | { readonly kind: 'given'; readonly value: string }
  | { readonly kind: 'generate' }
  | { readonly kind: 'off' };

/** The settings of the connections to Redis. */
export interface RedisConfig {
  readonly url: string;
  /** A request waits at most this long for one operation. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** The number of command connections beside the subscriber. */
  readonly connections: number;
  /** The keys that sign the data in Redis; `undefined`: the service signs nothing. A secret. */
  readonly integrityKeys: string | undefined;
  /** The longest time between two probes while Redis is away. */
  readonly probeMs: number;
}

/** The service's whole configuration, checked. */
export interface Config {
  readonly profile: 'dev' | 'test' | 'production';
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** The hosts under which the service answers. */
    readonly allowedHosts: readonly string[] | 'loopback' | 'any';
    /** The number of requests that may wait for their answer at once. */
    readonly maxRequests: number;
  };
  readonly database: {
    /** `undefined`: the embedded database. */
    readonly url: string | undefined;
    readonly pool: number;
    /** Concurrent loads before shedding. */
    readonly maxLoads: number;
    readonly migrate: 'auto' | 'off';
    /** A start waits at most this long for a database that is away. */
    readonly waitMs: number;
  };
  /** `undefined`: no L2 and no bus. */
  readonly redis: RedisConfig | undefined;
  readonly cache: {
    readonly namespace: string;
    readonly l1: { readonly maxBytes: number; readonly maxEntries: number; readonly ttlMs: number };
    /** D of the protocol. */
    readonly maxLagMs: number;
    readonly disabled: boolean;
    readonly warmOnStart: boolean;
    /** The number of new keys, held by no tier, that one tenant may bring into the cache in a minute. */
    readonly newKeysPerMinute: number;
    /** Milliseconds by group, e.g. `products:org`; only the groups that the environment names. */
    readonly ttlMs: Readonly<Record<string, number>>;
  };
  readonly auth: {
    readonly mode: 'none' | 'token';
    readonly admin: StaticToken;
    readonly viewer: StaticToken;
    /** Milliseconds for which an API token that cannot be looked up still reads. */
    readonly tokenGraceMs: number;
  };
  readonly alerts: { readonly webhookUrl: string | undefined };
  readonly log: { readonly level: Values['LOG_LEVEL']; readonly format: 'json' | 'pretty' };
  /** True when the environment asks for spans and metrics to be sent. The OpenTelemetry SDK reads the details by itself. */
  readonly telemetry: { readonly exporting: boolean };
  /** Settings that work and that the operator probably did not mean. The service logs them at start. */
  readonly warnings: readonly string[];
}
