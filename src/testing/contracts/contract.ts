/** One promise of a contract, as a test for any runner: `for (const { name, run } of contract) test(name, run)`. */
export interface ContractTest {
  readonly name: string;
  /** Rejects with an `AssertionError` when the promise is not kept. It needs no `this`. */
  readonly run: () => Promise<void>;
}

/** An action on the server that a harness may lack. */
export type Capability = 'damage' | 'setFull' | 'restart';

/** Options of a contract. */
export interface ContractOptions {
  /** Leaves out the tests that need one of these actions. Default: none. */
  readonly without?: readonly Capability[];
}

/** Adds a test to a contract. */
export type AddTest = (
  name: string | { readonly name: string; readonly needs: Capability },
  run: () => void | Promise<void>,
) => void;

/** Collects the tests that `define` adds, each group under its name. */
export function contractOf(
  groups: Readonly<Record<string, (test: AddTest) => void>>,
  { without = [] }: ContractOptions = {},
): ContractTest[] {
  const tests: ContractTest[] = [];
  for (const [group, define] of Object.entries(groups)) {
    define((named, run) => {
      const { name, needs } = typeof named === 'string' ? { name: named, needs: undefined } : named;
      if (needs !== undefined && without.includes(needs)) return;
      tests.push({ name: group === '' ? name : `${group} > ${name}`, run: async () => run() });
    });
  }
  return tests;
}
