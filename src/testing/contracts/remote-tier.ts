import { type ContractOptions, type ContractTest, contractOf } from './contract.ts';
import { fillContract } from './fills.ts';
import { fullServerContract } from './full-server.ts';
import { completing, type MakeServer } from './harness.ts';
import { infoContract } from './info.ts';
import { invalidationContract } from './invalidations.ts';
import { leaseContract } from './leases.ts';
import { readContract } from './reads.ts';
import { repairContract } from './repairs.ts';
import { sessionContract } from './sessions.ts';
import { sweepContract } from './sweeps.ts';
import { tagContract } from './tags.ts';
import { writeContract } from './writes.ts';

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
      'full server': (test) => fullServerContract(test, makeHarness),
      info: (test) => infoContract(test, makeHarness),
    },
    options,
  );
}
