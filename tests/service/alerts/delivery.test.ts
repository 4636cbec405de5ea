import { describe, expect, test } from 'bun:test';
import type { AlertName, Notice } from '../../../src/service/alerts/alert.ts';
import { NoticeQueue } from '../../../src/service/alerts/notice-queue.ts';
import { readRetryAfter, retryDelayMs } from '../../../src/service/alerts/retry-delay.ts';
import { ALERT_RULES } from '../../../src/service/alerts/rules.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import { watch } from '../../support/watch.ts';
import { DeliveryBench, notice, TODAY } from './delivery-bench.ts';

const refusal = (code: string) => Object.assign(new Error('connecting to https://hook.test/secret'), { code });

describe('a notice', () => {
  test('is handed over at once, and once', async () => {
    const bench = await DeliveryBench.make();
    bench.delivery.send(notice({ text: 'a' }));
    bench.pass(3_600_000);
    expect(bench.tries).toEqual([{ at: 0, text: 'a' }]);
  });

  test('is tried again later and later, up to a minute', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push(500, 503, refusal('ECONNREFUSED'), 502, 408, 500, 500, 500);
    bench.delivery.send(notice());
    bench.pass(3_600_000);
    expect(bench.triedAt).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 123_000, 183_000]);
    expect(bench.log).toMatchObject([
      { level: 'warn', event: 'alert_webhook_failed', reason: 'status 500' },
      ...Array.from({ length: 7 }, () => ({ level: 'debug', event: 'alert_webhook_failed' })),
      { level: 'info', event: 'alert_delivered', failures: 8 },
    ]);
  });

  test('is tried again after 5 s without an answer', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push('nothing');
    bench.delivery.send(notice());
    bench.pass(60_000);
    expect(bench.triedAt).toEqual([0, 6_000]);
    expect(bench.log[0]).toMatchObject({ reason: 'no answer within 5000 ms' });
  });

  test('comes no earlier than the receiver wants it, and within a quarter of an hour', async () => {
    const bench = await DeliveryBench.make();
    const date = new Date(TODAY + 60_000).toUTCString();
    bench.replies.push(
      { status: 429, retryAfter: '30' },
      { status: 503, retryAfter: date },
      { status: 429, retryAfter: '999999999' },
    );
    bench.delivery.send(notice());
    bench.pass(3_600_000);
    expect(bench.triedAt).toEqual([0, 30_000, 60_000, 960_000]);
  });

  test.each([301, 302, 307, 308, 400, 401, 403, 404, 410])(
    'that is refused with %d is not tried again',
    async (status) => {
      const bench = await DeliveryBench.make();
      bench.replies.push(status);
      bench.delivery.send(notice({ text: 'a' }));
      bench.delivery.send(notice({ text: 'b' }));
      bench.pass(3_600_000);
      expect(bench.tried).toEqual(['a', 'b']);
      expect(bench.log[0]).toMatchObject({ level: 'warn', event: 'alert_webhook_failed', reason: `status ${status}` });
    },
  );

  test('says nothing in the log of where it was sent', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push(refusal('ConnectionRefused'), new Error('https://hook.test/secret'), 404);
    bench.delivery.send(notice());
    bench.pass(3_600_000);
    expect(bench.log.map(({ reason }) => reason)).toEqual(['ConnectionRefused', 'Error', 'status 404']);
    expect(JSON.stringify(bench.log)).not.toContain('hook.test');
  });
});

describe('notices', () => {
  test('go one after another, in the order in which they came', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push(200, 500, 'nothing', 429);
    const sent = Array.from({ length: 8 }, (_, index) => `${index}`);
    for (const text of sent) bench.delivery.send(notice({ text }));
    bench.pass(3_600_000);
    expect([...new Set(bench.tried)]).toEqual(sent);
    expect(bench.tried).toHaveLength(sent.length + 3);
    expect(bench.mostAtOnce).toBe(1);
  });

  test('that came and went while the receiver was away are left out in pairs, which the log says', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push(...Array.from({ length: 20 }, () => 503));
    for (let round = 0; round < 40; round++) {
      const since = `round ${round}`;
      bench.delivery.send(notice({ since, text: `${round} firing` }));
      bench.delivery.send(notice({ since, text: `${round} resolved`, state: 'resolved' }));
    }
    bench.pass(7_200_000);
    const taken = bench.tried.slice(20);
    expect(taken.slice(0, 2)).toEqual(['0 firing', '0 resolved']);
    expect(taken.length).toBeWithin(28, 33);
    expect(taken.at(-1)).toBe('39 resolved');
    const dropped = bench.log.filter(({ event }) => event === 'alert_dropped');
    expect(taken.length + dropped.length).toBe(80);
  });
});

describe('the queue', () => {
  test('never leaves out what is under way, or half of an alert, whatever comes and goes', () => {
    const random = new SeededRandom(17);
    const queue = new NoticeQueue(2 * ALERT_RULES.length + 4);
    const told: Notice[] = [];
    const up = new Map<AlertName, string>();
    const rounds = new Map<AlertName, number>();
    for (let step = 0; step < 20_000; step++) {
      const { first } = queue;
      const { alert } = random.pick(ALERT_RULES);
      const since = up.get(alert);
      const state = since === undefined ? 'firing' : 'resolved';
      // Several alerts can begin at the same moment.
      const round = (rounds.get(alert) ?? 0) + Number(since === undefined);
      rounds.set(alert, round);
      const begun = since ?? `round ${round}`;
      if (since === undefined) up.set(alert, begun);
      else up.delete(alert);
      const leftOut = queue.add(notice({ alert, state, since: begun }));
      expect(new Set(leftOut.map((left) => `${left.alert} ${left.since}`)).size).toBe(leftOut.length / 2);
      expect(queue.first).toBe(first ?? queue.first);
      if (random.chance(0.4) && queue.first !== undefined) {
        told.push(queue.first);
        queue.shift();
      }
    }
    for (const [alert, notices] of Map.groupBy(told, (one) => one.alert)) {
      // What was told of an alert goes up and down in turns.
      const states = notices.map(({ state }) => state);
      expect([alert, states.filter((state, index) => state === states[index - 1])]).toEqual([alert, []]);
    }
  });
});

describe('at the end', () => {
  test('what waits for its next try gets it at once', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push(500, 500, 500);
    for (const text of ['a', 'b']) bench.delivery.send(notice({ text }));
    bench.pass(4_000);
    const closed = watch(bench.delivery.close());
    expect(closed.state).toBe('fulfilled');
    expect(bench.tries.slice(-2)).toEqual([
      { at: 4_000, text: 'a' },
      { at: 4_000, text: 'b' },
    ]);
  });

  test('no alert is sent again, and the log says how many are left', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push(500, 500);
    for (const text of ['a', 'b']) bench.delivery.send(notice({ text }));
    bench.pass(500);
    expect(watch(bench.delivery.close()).state).toBe('fulfilled');
    bench.pass(3_600_000);
    expect(bench.tried).toEqual(['a', 'a']);
    expect(bench.log.at(-1)).toMatchObject({ level: 'warn', event: 'alert_dropped', count: 2 });
  });

  test('a receiver that hangs is waited for two seconds', async () => {
    const bench = await DeliveryBench.make();
    bench.replies.push('nothing');
    bench.delivery.send(notice());
    const closed = watch(bench.delivery.close());
    bench.pass(1_999);
    expect([closed.state, bench.underWay]).toEqual(['pending', 1]);
    bench.pass(1);
    expect([closed.state, bench.underWay]).toEqual(['fulfilled', 0]);
    bench.delivery.send(notice());
    bench.pass(60_000);
    expect(bench.tries).toHaveLength(1);
  });
});

test('the wait before the next try is shortened at random, by no more than half', () => {
  expect([0, 0.5, 1].map((chance) => retryDelayMs(3, chance, 0))).toEqual([4_000, 3_000, 2_000]);
  expect(retryDelayMs(1_000, 0, 0)).toBe(60_000);
});

test('Retry-After is read as seconds or as a date; what cannot be read asks for nothing', () => {
  const read = (text: string | null) => readRetryAfter(text, TODAY);
  expect(['120', '0', new Date(TODAY + 5_000).toUTCString()].map(read)).toEqual([120_000, 0, 5_000]);
  expect([null, '', 'soon', '-5', new Date(TODAY - 5_000).toUTCString()].map(read)).toEqual([0, 0, 0, 0, 0]);
});
