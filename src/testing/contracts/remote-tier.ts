import { type ContractOptions, type ContractTest, contractOf } from './contract.ts';
import { completing, type MakeServer } from './harness.ts';
import { fillContract } from './remote-tier/fills.ts';
import { fullServerContract } from './remote-tier/full-server.ts';
import { infoContract } from './remote-tier/info.ts';
import { invalidationContract } from './remote-tier/invalidations.ts';
import { leaseContract } from './remote-tier/leases.ts';
import { otherGenerationsContract } from './remote-tier/other-generations.ts';
import { readContract } from './remote-tier/reads.ts';
import { repairContract } from './remote-tier/repairs.ts';
import { sessionContract } from './remote-tier/sessions.ts';
import { shapeContract } from './remote-tier/shapes.ts';
import { sweepContract } from './remote-tier/sweeps.ts';
import { tagContract } from './remote-tier/tags.ts';
import { writeContract } from './remote-tier/writes.ts';

/**
 * Makes the tests that every L2 must pass, one atomic step at a time.
 * @param make Makes an empty server for one test, or a part of a shared server that no other test sees.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { type MakeServer, remoteTierContract } from 'tiercel/testing';
 *
 * export function testTier(makeServer: MakeServer): void {
 *   const contract = remoteTierContract(makeServer, { without: ['setFull'] });
 *   for (const { name, run } of contract) test(name, run);
 * }
 * ```
 */
export function remoteTierContract(make: MakeServer, options?: ContractOptions): ContractTest[] {
  const makeHarness = completing(make);
  return contractOf(
    {
      sessions: (test) => sessionContract(test, makeHarness),
      repairs: (test) => repairContract(test, makeHarness),
      reads: (test) => readContract(test, makeHarness),
      leases: (test) => leaseContract(test, makeHarness),
      fills: (test) => fillContract(test, makeHarness),
      tags: (test) => tagContract(test, makeHarness),
      invalidations: (test) => invalidationContract(test, makeHarness),
      writes: (test) => writeContract(test, makeHarness),
      sweeps: (test) => sweepContract(test, makeHarness),
      'other generations': (test) => otherGenerationsContract(test, makeHarness),
      shapes: (test) => shapeContract(test, makeHarness),
      'full server': (test) => fullServerContract(test, makeHarness),
      info: (test) => infoContract(test, makeHarness),
    },
    options,
  );
}
