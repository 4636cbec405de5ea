import { expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { sharedRedis, uniqueNamespace } from './redis-server.ts';
import { isBus, isData, redisWire } from './redis-wire.ts';
import { RespRequests } from './resp.ts';
import { startProxy } from './tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from './time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const encode = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

test('commands are read whole, wherever the bytes are cut', () => {
  const commands = [['SET', 'käse', 'line\r\nbreak', 'PX', '10'], ['GET', ''], ['PING']];
  const bytes = Buffer.from(commands.map((words) => encode(...words)).join(''));
  expect(new RespRequests().feed(bytes)).toEqual(commands);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const parser = new RespRequests();
    expect([...parser.feed(bytes.subarray(0, cut)), ...parser.feed(bytes.subarray(cut))]).toEqual(commands);
  }
  const byteByByte = new RespRequests();
  expect([...bytes].flatMap((byte) => byteByByte.feed(Uint8Array.of(byte)))).toEqual(commands);
});

test('the inline form is read, empty lines are nothing, and other bytes are refused', () => {
  expect(new RespRequests().feed(Buffer.from('PING\r\n\r\nGET  key\r\n'))).toEqual([['PING'], ['GET', 'key']]);
  expect(() => new RespRequests().feed(Buffer.from('*1\r\n:5\r\n'))).toThrow('bulk string');
  expect(() => new RespRequests().feed(Buffer.from('*x\r\n'))).toThrow('length');
});

test('the wire tells the bus from the data path and counts the commands of a real client', async () => {
  const wire = redisWire();
  const target = await sharedRedis();
  await using proxy = await startProxy({ target, ...wire.observers });
  const [data, bus] = [0, 1].map(() => new Redis(proxy.through(target)));
  if (!data || !bus) throw new Error('two clients were made');
  const key = uniqueNamespace();
  await data.get(key);
  await bus.subscribe(key);
  wire.forget();
  await Promise.all([data.get(key), data.get(key), data.set(key, 'x'.repeat(200_000), 'PX', 1)]);
  expect(wire.count('GET')).toBe(2);
  expect(wire.count('SET', ({ words }) => words[1] === key && words[4] === '1')).toBe(1);
  expect(proxy.connections.filter(isBus)).toHaveLength(1);
  expect(proxy.connections.filter(isData)).toHaveLength(1);
  data.disconnect();
  bus.disconnect();
});
