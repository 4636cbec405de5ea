import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Clock, systemClock } from '../../../src/core/primitives/clock.ts';
import { Delivery } from '../../../src/service/alerts/delivery.ts';
import { webhook } from '../../../src/service/alerts/webhook.ts';
import { createLogger } from '../../../src/service/logging/logger.ts';
import { until } from '../../../src/testing/until.ts';
import { freePort } from '../../support/free-port.ts';
import { type Receiver, SECRET_PATH, startReceiver } from '../../support/webhook-receiver.ts';
import { notice } from './delivery-bench.ts';

setDefaultTimeout(20_000);

/** A second takes a fortieth. */
const SPEED = 40;
const fast: Clock = {
  now: () => systemClock.now() * SPEED,
  wall: systemClock.wall,
  after: (ms, run) => systemClock.after(ms / SPEED, run),
};

type Line = Readonly<Record<string, unknown>>;

const owned = new Set<AsyncDisposable>();
let log: Line[];
let receiver: Receiver;

beforeEach(() => {
  log = [];
  receiver = startReceiver();
  owned.add(receiver);
});

afterEach(async () => {
  for (const each of owned) await each[Symbol.asyncDispose]();
  owned.clear();
  expect(JSON.stringify(log)).not.toContain(SECRET_PATH);
});

async function deliver(url: string): Promise<Delivery> {
  const write = (line: string) => void log.push(JSON.parse(line));
  const logger = await createLogger({ level: 'trace', format: 'json' }, { write });
  const today = () => Date.now();
  const random = { next: () => 0 };
  const delivery = new Delivery({ post: webhook(url), log: logger, clock: fast, random, today });
  owned.add(delivery);
  return delivery;
}

const logged = (event: string) => log.filter((line) => line.event === event);
const delivered = (count: number) =>
  until(() => logged('alert_delivered').length >= count, { what: `${count} alerts to be delivered` });

const answer =
  (status: number, headers: Record<string, string> = {}) =>
  () =>
    new Response('no', { status, headers });

describe('a receiver', () => {
  test('gets JSON that shows its text in a chat, and says what it is about', async () => {
    const delivery = await deliver(receiver.url);
    const sent = notice({ text: 'Redis cache unavailable. Running in database-only mode.' });
    delivery.send(sent);
    await delivered(1);
    expect(receiver.notices).toEqual([sent]);
    const [request] = receiver.requests;
    expect([request?.method, request?.headers.get('content-type')]).toEqual(['POST', 'application/json']);
  });

  test('that answers 500 twice is told a third time, and nothing is told out of turn', async () => {
    receiver.answers.push(answer(500), answer(500));
    const delivery = await deliver(receiver.url);
    for (const text of ['a', 'b']) delivery.send(notice({ text }));
    await delivered(2);
    expect(receiver.notices.map(({ text }) => text)).toEqual(['a', 'a', 'a', 'b']);
  });

  test('that hangs is given up on, and told again', async () => {
    receiver.answers.push(() => new Promise<never>(() => {}));
    const delivery = await deliver(receiver.url);
    delivery.send(notice());
    await delivered(1);
    expect(receiver.notices).toHaveLength(2);
    expect(logged('alert_webhook_failed')).toMatchObject([{ reason: 'no answer within 5000 ms' }]);
  });

  test('that is gone is told when it is back', async () => {
    const port = await freePort();
    const delivery = await deliver(`http://127.0.0.1:${port}${SECRET_PATH}`);
    delivery.send(notice({ text: 'a' }));
    await until(() => logged('alert_webhook_failed').length > 1, { what: 'two tries to fail' });
    delivery.send(notice({ text: 'b' }));
    const back = startReceiver(port);
    owned.add(back);
    await delivered(2);
    expect(back.notices.map(({ text }) => text)).toEqual(['a', 'b']);
  });

  test('that redirects to another receiver is not followed', async () => {
    const other = startReceiver();
    owned.add(other);
    receiver.answers.push(answer(307, { location: other.url }), answer(302, { location: other.url }));
    const delivery = await deliver(receiver.url);
    for (let sent = 0; sent < 3; sent++) delivery.send(notice());
    await delivered(1);
    expect(receiver.notices).toHaveLength(3);
    expect(other.requests).toEqual([]);
    expect(logged('alert_webhook_failed').map(({ reason }) => reason)).toEqual(['status 307', 'status 302']);
  });

  test('that never ends what it has to say is not listened to', async () => {
    let sent = 0;
    const chunk = new Uint8Array(64 * 1024);
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await Bun.sleep(1);
        sent += chunk.length;
        controller.enqueue(chunk);
      },
    });
    receiver.answers.push(() => new Response(endless));
    const delivery = await deliver(receiver.url);
    delivery.send(notice());
    delivery.send(notice());
    await delivered(2);
    expect(sent).toBeLessThan(16 * 2 ** 20);
  });
});

test('a delivery that is closed tells what it can, and lets go of a receiver that hangs', async () => {
  receiver.answers.push(() => new Promise<never>(() => {}));
  const delivery = await deliver(receiver.url);
  for (const text of ['a', 'b']) delivery.send(notice({ text }));
  await until(() => receiver.requests.length === 1, { what: 'the first try' });
  await delivery.close();
  expect(logged('alert_dropped')).toMatchObject([{ count: 2 }]);
  await until(() => receiver.requests[0]?.signal.aborted, { what: 'the connection to be given up' });
});
