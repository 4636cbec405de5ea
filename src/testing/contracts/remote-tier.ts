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
 * What every L2 promises, one atomic step at a time.
 * @param make Makes a server, empty and of its own, for one test; or a corner of a shared one that nobody else sees.
 * @example
 * import { test } from 'node:test'; // or bun:test; or Deno.test
 * for (const { name, run } of remoteTierContract(makeServer, { without: ['setFull'] })) test(name, run);
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
