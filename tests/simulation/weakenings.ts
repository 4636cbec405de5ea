import { type Flight, Flights } from '../../src/core/flights.ts';
import type { EntryId } from '../../src/core/key.ts';
import { NOTHING_OWED, type Owed, PendingInvalidations } from '../../src/core/pending.ts';
import type { FillRequest, RemoteTier } from '../../src/core/ports.ts';
import { Proof } from '../../src/core/proof.ts';
import { TagRegistry } from '../../src/core/tags.ts';
import type { Weakening } from './world.ts';

/**
 * Each takes one rule of the protocol away. The simulator must notice every one of them: a check that cannot fail
 * proves nothing.
 */
export const WEAKENINGS: Readonly<Record<string, Weakening>> = {
  'a fill that stores whatever the record is by now': {
    tier: (tier) => overriding(tier, { fill: (request) => fillBlindly(tier, request) }),
  },
  'flights that no invalidation poisons': { collaborators: { Flights: DeafFlights() } },
  'readers that join a flight from before the invalidation': { collaborators: { Flights: ClingingFlights() } },
  'gaps in the numbers that nobody looks at': { collaborators: { Proof: CredulousProof() } },
  'L1 that answers without proof': { collaborators: { Proof: EternalProof() } },
  'pending invalidations that do not stand in for L2': { collaborators: { PendingInvalidations: IgnoredPending() } },
  'tags that are never ended in this process': { collaborators: { TagRegistry: DeafTags() } },
};

function overriding(tier: RemoteTier, overrides: Partial<RemoteTier>): RemoteTier {
  return new Proxy(tier, {
    get(target, name) {
      const own: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

/** SET without a condition, in as many steps as it takes. */
async function fillBlindly(tier: RemoteTier, request: FillRequest): Promise<boolean> {
  const record = await tier.acquire(request.id, request.generation, request.token, 5_000);
  const expected =
    record.kind === 'value'
      ? ({ kind: 'value', token: record.value.token } as const)
      : ({ kind: 'lease', token: record.kind === 'lease' ? record.token : request.token } as const);
  return tier.fill({ ...request, expected });
}

function DeafFlights(): typeof Flights {
  return class<R> extends Flights<R> {
    override poison(): void {}
  };
}

function ClingingFlights(): typeof Flights {
  return class<R> extends Flights<R> {
    readonly #latest = new Map<EntryId, Flight<R>>();

    override begin(...given: Parameters<Flights<R>['begin']>): Flight<R> {
      const flight = super.begin(...given);
      this.#latest.set(given[0], flight);
      const forget = (): void => {
        if (this.#latest.get(given[0]) === flight) this.#latest.delete(given[0]);
      };
      flight.result.then(forget, forget);
      return flight;
    }

    override joinable(id: EntryId): Flight<R> | undefined {
      return this.#latest.get(id);
    }
  };
}

function CredulousProof(): typeof Proof {
  return class extends Proof {
    override takeInvalidation(epoch: string, sequence: number): boolean {
      super.takeHeartbeat(epoch, sequence, this.provenAt);
      return true;
    }

    override takeHeartbeat(epoch: string, sequence: number, sentAt: number): boolean {
      super.takeHeartbeat(epoch, sequence, sentAt);
      return true;
    }
  };
}

function EternalProof(): typeof Proof {
  return class extends Proof {
    override get until(): number {
      return Infinity;
    }
  };
}

function IgnoredPending(): typeof PendingInvalidations {
  return class extends PendingInvalidations {
    override owed(): Owed {
      return NOTHING_OWED;
    }
  };
}

function DeafTags(): typeof TagRegistry {
  return class extends TagRegistry {
    override invalidate(): boolean {
      return false;
    }
  };
}
