import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { until } from '../../src/testing/until.ts';
import { versionsIn } from '../soak/catalog.ts';
import { Checker } from '../soak/checker.ts';
import { startFleet } from '../soak/fleet.ts';
import { startWorkload } from '../soak/workload.ts';
import { isBus } from '../support/redis-wire.ts';

setDefaultTimeout(60_000);

const owned = new AsyncDisposableStack();

afterAll(() => owned.disposeAsync());

test('a fleet that believes itself for four times as long as it may is caught in a black hole', async () => {
  const fleet = await startFleet(owned, { instances: 2, maxLagMs: 6_000 });
  const [, deaf] = fleet.members;
  const checker = new Checker(await versionsIn(fleet.sql), fleet.maxLagMs / 4);
  const workload = startWorkload(fleet, checker, new SeededRandom(1));
  await until(() => checker.readCount > 200, { what: 'the clients to be at work' });
  expect(checker.violations).toEqual([]);

  checker.note('black hole');
  const hole = deaf?.link.impose({ hold: true }, { where: isBus });
  const [violation] = await until(() => checker.violationCount > 0 && checker.violations, {
    what: 'a violation',
    within: 15_000,
  });
  hole?.lift();
  await workload.stop();

  expect(violation?.invariant).toBe('I1');
  const { message = '', excerpt = [] } = violation ?? {};
  expect(message).toMatch(/^\S+ s – \S+ s b read .* from l1, \d+\.\d+ s after this was known to all: .* a wrote /);
  expect(excerpt.filter((line) => line.endsWith('---- black hole'))).toHaveLength(1);
  expect(excerpt.some((line) => message.endsWith(line))).toBe(true);
  expect(checker.violations.filter(({ invariant }) => invariant !== 'I1')).toEqual([]);
});
