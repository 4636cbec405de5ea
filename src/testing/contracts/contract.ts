/** One promise of a contract, as a test of whatever runner: `for (const { name, run } of contract) test(name, run)`. */
export interface ContractTest {
  readonly name: string;
  /** Rejects with an `AssertionError` when the promise is not kept. Needs no `this`. */
  readonly run: () => Promise<void>;
}

/** What a harness may be unable to do to its server. */
export type Capability = 'damage' | 'setFull' | 'restart';

/** What is left out of a contract. */
export interface ContractOptions {
  /** Tests that need one of these of the harness are left out. Default none. */
  readonly without?: readonly Capability[];
}

/** Adds a test to a contract. */
export type AddTest = (
  name: string | { readonly name: string; readonly needs: Capability },
  run: () => void | Promise<void>,
) => void;

/** The tests that `define` adds, each group under its name. */
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
