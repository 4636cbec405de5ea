import { describe } from 'bun:test';
import { fillContract } from './fills.ts';
import { fullServerContract } from './full-server.ts';
import type { MakeHarness } from './harness.ts';
import { infoContract } from './info.ts';
import { invalidationContract } from './invalidations.ts';
import { leaseContract } from './leases.ts';
import { repairContract } from './repairs.ts';
import { sessionContract } from './sessions.ts';
import { sweepContract } from './sweeps.ts';
import { tagContract } from './tags.ts';
import { writeContract } from './writes.ts';

/** What every L2 promises, one atomic step at a time. */
export function remoteTierContract(name: string, makeHarness: MakeHarness): void {
  describe(`remote tier: ${name}`, () => {
    describe('sessions', () => sessionContract(makeHarness));
    describe('repairs', () => repairContract(makeHarness));
    describe('leases', () => leaseContract(makeHarness));
    describe('fills', () => fillContract(makeHarness));
    describe('tags', () => tagContract(makeHarness));
    describe('invalidations', () => invalidationContract(makeHarness));
    describe('writes', () => writeContract(makeHarness));
    describe('sweeps', () => sweepContract(makeHarness));
    describe('full server', () => fullServerContract(makeHarness));
    describe('info', () => infoContract(makeHarness));
  });
}
