import { describe, expect, test } from 'bun:test';
import { MemoryServer, memoryLocalTier } from '../../../src/adapters/memory/index.ts';
import type { RemoteTier } from '../../../src/core/ports/remote-tier.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import type { ContractServer, ContractTest } from '../../../src/testing/index.ts';
import { busContract, ChaosBus, localTierContract, remoteTierContract } from '../../../src/testing/index.ts';

type Spoil = (tier: RemoteTier) => RemoteTier;

const serverOf = (spoil: Spoil) => (): ContractServer => {
  const server = new MemoryServer();
  return { tier: () => spoil(server.remoteTier()), bus: () => server.bus(), async [Symbol.asyncDispose]() {} };
};

const runOf = (contract: readonly ContractTest[], name: string): Promise<void> => {
  const found = contract.find((test) => test.name === name);
  if (found === undefined) throw new Error(`There is no test ${name}`);
  return found.run();
};

describe('a contract notices', () => {
  const WRONG: [string, string, Spoil][] = [
    [
      'a fill that says it has stored',
      'fills > a refresh replaces the value it saw, and not another',
      (tier) => overriding(tier, { fill: (request) => tier.fill(request).then(() => true) }),
    ],
    [
      'a lease for everybody',
      'leases > of two that ask at once, one gets the lease and the other sees it',
      (tier) => overriding(tier, { acquire: async () => ({ kind: 'none' }) }),
    ],
    [
      'many records in another order than asked',
      'reads > many keys are read in the order asked: values, leases and nothing',
      (tier) => overriding(tier, { readMany: async (...given) => (await tier.readMany(...given)).toReversed() }),
    ],
    [
      'tags that are not moved',
      'tags > deleting by tag moves both parts to the number of the invalidation',
      (tier) =>
        overriding(tier, {
          invalidate: ({ targets, ...order }, ...rest) =>
            tier.invalidate({ ...order, targets: { ...targets, tags: [] } }, ...rest),
        }),
    ],
    [
      'a write that takes an older version',
      'writes > an older version is refused and leaves no trace; the same and a newer one are taken',
      (tier) => overriding(tier, { write: ({ version: _, ...request }) => tier.write(request) }),
    ],
  ];
  test.each(WRONG)('%s', async (_what, name, spoil) => {
    await expect(runOf(remoteTierContract(serverOf(spoil)), name)).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
  });

  test('a bus that changes the order', async () => {
    const make = (): ContractServer => {
      const made = serverOf((tier) => tier)();
      const reordering = (): ChaosBus => {
        const bus = new ChaosBus(made.bus());
        bus.reorder({ only: 'invalidation' });
        return bus;
      };
      return { ...made, bus: reordering };
    };
    const name = 'a heartbeat takes its place in the stream of invalidations';
    await expect(runOf(busContract(make), name)).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
  });

  test('a store that keeps what was deleted', async () => {
    const contract = localTierContract(() => ({ ...memoryLocalTier(), delete: () => {} }));
    const name = 'replaces an entry, and forgets one that is deleted';
    await expect(runOf(contract, name)).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
  });
});

describe('a contract', () => {
  test('has a name of its own for each test', () => {
    const names = remoteTierContract(serverOf((tier) => tier)).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('leaves out what the server cannot do, and says so by name if it is not told', async () => {
    const calm = serverOf((tier) => tier);
    const all = remoteTierContract(calm);
    const some = remoteTierContract(calm, { without: ['setFull'] });
    const left = all.filter(({ name }) => !some.some((each) => each.name === name));
    expect(left.map(({ name }) => name.split(' > ')[0])).toEqual(['full server', 'full server', 'info']);
    await expect(left[0]?.run()).rejects.toThrow("without: ['setFull']");
  });
});
