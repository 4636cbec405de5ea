import { afterAll } from 'bun:test';
import fc from 'fast-check';
import { killChildren, runningChildren } from './child.ts';
import { runEnd } from './run-end.ts';

// Properties are tried with the same examples in every run, so a change is not blamed for an example that came up by chance.
fc.configureGlobal({ seed: Number(process.env.TIERCEL_TEST_SEED ?? 20_261_130) });

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await killChildren();
    process.kill(process.pid, signal);
  });
}

// Registered before any test file is loaded, so it runs after the last of them.
afterAll(async () => {
  await runEnd.disposeAsync();
  const left = runningChildren().map(({ name }) => name);
  await killChildren();
  if (left.length > 0) throw new Error(`tests left processes behind: ${left.join(', ')}`);
});
