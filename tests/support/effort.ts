/**
 * Returns the number of tries of a test that depends on chance: `quick` in `bun run test`, `long` in `bun run test:long`.
 * `package.json` names the files that the long run plays.
 */
export function effort({ quick, long }: { readonly quick: number; readonly long: number }): number {
  return process.env.TIERCEL_TEST_LONG === undefined ? quick : long;
}
