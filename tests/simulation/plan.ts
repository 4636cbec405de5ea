import type { FaultName } from './faults.ts';
import type { How } from './keys.ts';

/** How every read of one key is asked for, in milliseconds. */
export interface Policy {
  readonly ttl: number;
  readonly l1Ttl: number;
  readonly negativeTtl: number;
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  readonly refreshAhead: number | false;
  readonly softTimeout: number | false;
  readonly hardTimeout: number;
  readonly lease: number;
}

/** What a world is like before anything happens in it. */
export interface Setting {
  readonly instances: number;
  /** Names of the keys that there are. */
  readonly keys: readonly string[];
  readonly policies: Readonly<Record<string, Policy>>;
  /** Latency of each direction to the database, in milliseconds. */
  readonly sourceLatency: readonly [low: number, high: number];
  /** Share of what is sent that comes late, although nothing has failed. */
  readonly lateShare: number;
  /** The server is at its memory limit from the start: L2 never holds a value. */
  readonly full?: boolean;
  /**
   * Where nobody loses the server but all together, and L2 holds no value or is repaired: how soon a write that is pending
   * must be known to all, beside D, in milliseconds. Elsewhere only a delivered one must, or one that an outbox holds.
   */
  readonly pendingWithin?: number;
  /** Whether the database keeps an outbox, and relays deliver from it. */
  readonly outbox: boolean;
  /** How long L2 must have answered after an outage before calls use it again, in milliseconds; see the breaker. */
  readonly settleMs: number;
  /** Versions of the cache that run side by side, as in a rolling deploy: instances have them in turn. */
  readonly versions: number;
  /** Whether every key has the same policy, so that many can be asked for in one call; in some runs they are. */
  readonly alike: boolean;
  /** The hosts' clocks run faster or slower than time by up to this ratio. */
  readonly skew: number;
}

/** What a client asks of one instance. */
export type Operation =
  | {
      readonly kind: 'read';
      readonly key: string;
      /** Whether the tags are known before the load, from the value, or from the loader alone. */
      readonly naming: 'before' | 'value' | 'loader';
      readonly forceFresh?: true;
      /** The caller leaves after so many milliseconds. */
      readonly patience?: number;
      /** The caller's own `hardTimeout`, where it is not that of the policy. */
      readonly hurry?: number;
      /** Its loader hands the value out without storing it. */
      readonly skips?: true;
    }
  /** The key and all others of its namespace, in one call. */
  | {
      readonly kind: 'readMany';
      readonly key: string;
      readonly naming: 'before' | 'value' | 'loader';
      readonly forceFresh?: true;
      readonly patience?: number;
      readonly hurry?: number;
      readonly skips?: true;
    }
  | { readonly kind: 'get' | 'peek' | 'getMany'; readonly key: string }
  /** A transaction on every key that the invalidation names, or on the one key alone, and then the invalidation. */
  | {
      readonly kind: 'write';
      readonly key: string;
      readonly how: How;
      readonly mode: 'delete' | 'expire';
      readonly all: boolean;
      /** With an outbox: whether triggers write the change down under the writer's ticket. */
      readonly claimed: boolean;
    }
  /** A transaction of somebody who does not know of the cache. */
  | { readonly kind: 'outside'; readonly key: string }
  /**
   * A transaction, and then the new value into the cache. `ahead`: the transaction commits no sooner than L2 takes the
   * value, so a load beside the `set` may still find the row of before.
   */
  | { readonly kind: 'set'; readonly key: string; readonly versioned: boolean; readonly ahead?: true }
  /** The same with all keys of the namespace that are written through, in one call. */
  | { readonly kind: 'setMany'; readonly key: string };

/** Something that goes wrong at one instance, or for all. */
export interface Fault {
  readonly kind: 'fault';
  readonly fault: FaultName;
  /** How long, where that means something. */
  readonly ms: number;
  /** From 0 to 1: which, or how much, where that means something. */
  readonly draw: number;
}

/** One thing that happens at one moment. */
export interface Step {
  readonly at: number;
  /** The place in the fleet; a process that has crashed leaves it to its successor. */
  readonly place: number;
  readonly act: Operation | Fault;
}

/** A whole run before it takes place: with the same code, one plan is one history. */
export interface Plan {
  readonly seed: number;
  readonly setting: Setting;
  /** In the order of time. */
  readonly steps: readonly Step[];
}

/** A step as a line for people. */
export function lineOf({ place, act }: Step): string {
  switch (act.kind) {
    case 'fault':
      return `-- i${place}: ${act.fault}, ${act.ms.toFixed(0)} ms, ${act.draw.toFixed(2)}`;
    case 'read':
    case 'readMany': {
      const what = act.kind === 'read' ? act.key : `${act.key} and more`;
      const how = [act.forceFresh && 'fresh', act.patience && `for ${act.patience.toFixed(0)} ms`].filter(Boolean);
      return `i${place} reads ${[what, ...how].join(', ')}`;
    }
    case 'get':
    case 'peek':
      return `i${place} ${act.kind}s ${act.key}`;
    case 'getMany':
      return `i${place} gets ${act.key} and more`;
    case 'outside':
      return `somebody else writes ${act.key}`;
    case 'write':
      return `i${place} writes ${act.key}${act.all ? ' and more' : ''}, then ${act.mode} by ${act.how}`;
    case 'set':
      return `i${place} writes ${act.key}, ${act.ahead ? 'while it is' : 'then'} set${act.versioned ? ' with version' : ''}`;
    case 'setMany':
      return `i${place} writes ${act.key} and more, then set`;
  }
}
