import { expect, test } from 'bun:test';
import { SourceProbe } from '../../../src/service/routes/source-probe.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

test('the source is asked once a second, however many want to know', async () => {
  const clock = new TestClock();
  let asked = 0;
  const probe = new SourceProbe(async () => {
    asked += 1;
    return { healthy: asked < 3, latencyMs: 1 };
  }, clock);
  for (let ms = 0; ms < 3_000; ms += 100) {
    await Promise.all([probe.health(), probe.health(), probe.health()]);
    await clock.advance(100);
  }
  expect(asked).toBe(3);
  expect((await probe.health()).healthy).toBe(false);
});

test('a probe that hangs is waited for, and no second one begins beside it', async () => {
  const clock = new TestClock();
  const hung = Promise.withResolvers<{ healthy: boolean; latencyMs: number | null }>();
  let asked = 0;
  const probe = new SourceProbe(() => {
    asked += 1;
    return hung.promise;
  }, clock);
  const first = probe.health();
  await clock.advance('5s');
  const second = probe.health();
  expect(asked).toBe(1);
  hung.resolve({ healthy: true, latencyMs: 5_000 });
  expect(await Promise.all([first, second])).toHaveLength(2);
});
