import { describe, test } from 'bun:test';
import type { ContractTest } from '../../src/testing/index.ts';

/** The tests of a contract, under the name of what is to keep it. */
export function runContract(title: string, contract: Iterable<ContractTest>): void {
  describe(title, () => {
    for (const { name, run } of contract) test(name, run);
  });
}
