/**
 * How often a test tries what chance decides: `quick` times in `bun run test`, and `long` times in `bun run test:long`, for
 * which a test of that kind is named in `package.json`.
 */
export function effort({ quick, long }: { readonly quick: number; readonly long: number }): number {
  return process.env.TIERCEL_TEST_LONG === undefined ? quick : long;
}
