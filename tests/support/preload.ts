import { afterAll } from 'bun:test';
import { killChildren, runningChildren } from './child.ts';
import { runEnd } from './run-end.ts';

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
