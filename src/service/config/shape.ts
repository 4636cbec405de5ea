import type { Values } from './variables.ts';

/** A token that opens routes by itself: given, to be made up and printed once, or none (its routes answer 403). */
export type StaticToken =
  | { readonly kind: 'given'; readonly value: string }
  | { readonly kind: 'generate' }
  | { readonly kind: 'off' };

/** How to reach Redis. */
export interface RedisConfig {
  readonly url: string;
  /** The longest that one operation may hold a request. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Command connections beside the subscriber. */
  readonly connections: number;
  /** Signs what goes to Redis; `undefined`: nothing is signed. A secret. */
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
    /** Under which hosts requests are answered. */
    readonly allowedHosts: readonly string[] | 'loopback' | 'any';
    /** Requests that may wait for their answer at once. */
    readonly maxRequests: number;
  };
  readonly database: {
    /** `undefined`: the embedded database. */
    readonly url: string | undefined;
    readonly pool: number;
    /** Concurrent loads before shedding. */
    readonly maxLoads: number;
    readonly migrate: 'auto' | 'off';
    /** The longest that a start waits for a database that is away. */
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
    /** Keys that no tier holds which one tenant may bring into the cache in a minute. */
    readonly newKeysPerMinute: number;
    /** Milliseconds by group, e.g. `products:org`; only the groups that the environment names. */
    readonly ttlMs: Readonly<Record<string, number>>;
  };
  readonly auth: {
    readonly mode: 'none' | 'token';
    readonly admin: StaticToken;
    readonly viewer: StaticToken;
    /** How long an API token that cannot be looked up still reads. */
    readonly tokenGraceMs: number;
  };
  readonly alerts: { readonly webhookUrl: string | undefined };
  readonly log: { readonly level: Values['LOG_LEVEL']; readonly format: 'json' | 'pretty' };
  /** Whether the environment asks for spans and metrics to be sent; how, the OpenTelemetry SDK reads by itself. */
  readonly telemetry: { readonly exporting: boolean };
  /** Things that work and are probably not meant; to be logged at start. */
  readonly warnings: readonly string[];
}
