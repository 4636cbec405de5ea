import { afterEach, beforeEach, expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { until } from '../../src/testing/until.ts';
import { freePort } from './free-port.ts';
import { HOLD_BYTES } from './proxy-fault.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

setDefaultTimeout(30_000);

/** A client that remembers what happened to it. */
interface Client {
  readonly socket: Socket;
  text(): string;
  /** Sizes of the chunks in which the text came. */
  readonly chunks: number[];
  /** `end` for the ordinary end, else the code of the error. */
  ending: string | undefined;
}

let echo: Server;
let proxy: TcpProxy;
const serverSockets: Socket[] = [];
const clients: Client[] = [];

beforeEach(async () => {
  echo = createServer({ noDelay: true }, (socket) => {
    serverSockets.push(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => socket.write(bytes));
  });
  const port = await freePort();
  echo.listen(port, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await startProxy({
    target: { host: '127.0.0.1', port },
    onClientData(connection, bytes) {
      if (bytes[0] === 0x23) connection.label = 'marked';
    },
  });
});

afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  for (const socket of serverSockets.splice(0)) socket.destroy();
  await proxy.close();
  echo.close();
});

async function client(): Promise<Client> {
  const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true });
  const received: Buffer[] = [];
  const self: Client = {
    socket,
    text: () => Buffer.concat(received).toString(),
    chunks: [],
    ending: undefined,
  };
  socket.on('data', (bytes: Buffer) => {
    received.push(bytes);
    self.chunks.push(bytes.length);
  });
  socket.on('end', () => {
    self.ending = 'end';
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    self.ending = error.code ?? error.message;
  });
  clients.push(self);
  await once(socket, 'connect');
  return self;
}

const sees = (one: Client, text: string) => until(() => one.text() === text, { what: `the client to see ${text}` });
const connectionOf = (id: number) =>
  until(() => proxy.connections.find((one) => one.id === id), { what: `connection ${id}` });
const first = () => connectionOf(1);

test('bytes pass unchanged in both directions and are counted, and an end is an end', async () => {
  const one = await client();
  const text = 'x'.repeat(300_000);
  one.socket.write(text);
  await sees(one, text);
  const connection = await first();
  expect(connection.toServer).toMatchObject({ received: 300_000, passed: 300_000, waiting: 0, swallowed: 0 });
  expect(connection.toClient).toMatchObject({ received: 300_000, passed: 300_000, waiting: 0, swallowed: 0 });
  one.socket.end();
  await until(() => one.ending, { what: 'the connection to end' });
  expect(one.ending).toBe('end');
  await until(() => proxy.connections.length === 0, { what: 'the proxy to forget the connection' });
  expect(proxy.accepted).toBe(1);
});

test('latency delays and keeps the order', async () => {
  proxy.impose({ latency: 60, jitter: 50 }, { direction: 'toServer' });
  const one = await client();
  const start = performance.now();
  for (const digit of '0123456789') {
    one.socket.write(digit);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await sees(one, '0123456789');
  expect(performance.now() - start).toBeGreaterThanOrEqual(10);
});

test('a fixed latency holds each way', async () => {
  proxy.impose({ latency: 50 });
  const one = await client();
  const start = performance.now();
  one.socket.write('slow');
  await sees(one, 'slow');
  expect(performance.now() - start).toBeGreaterThanOrEqual(99);
});

test('bandwidth limits how fast bytes pass', async () => {
  proxy.impose({ bandwidth: 10_000, slice: 100 }, { direction: 'toClient' });
  const one = await client();
  const start = performance.now();
  one.socket.write('x'.repeat(1_000));
  await sees(one, 'x'.repeat(1_000));
  expect(performance.now() - start).toBeGreaterThanOrEqual(85);
});

test('what is held arrives once released, and only the chosen connections are held', async () => {
  const held = await client();
  held.socket.write('#');
  await sees(held, '#');
  const hold = proxy.impose({ hold: true }, { direction: 'toClient', where: ({ label }) => label === 'marked' });
  held.socket.write('answer');
  const connection = await first();
  await until(() => connection.toClient.waiting === 6, { what: 'the answer to be held' });
  const free = await client();
  free.socket.write('passes');
  await sees(free, 'passes');
  expect(held.text()).toBe('#');
  hold.lift();
  await sees(held, '#answer');
});

test('a held sender feels back-pressure rather than filling the proxy', async () => {
  proxy.impose({ hold: true }, { direction: 'toServer' });
  const one = await client();
  const flood = 'x'.repeat(64 * 2 ** 20);
  one.socket.write(flood);
  const connection = await first();
  await until(() => connection.toServer.waiting > HOLD_BYTES, { what: 'the proxy to be full' });
  expect(connection.toServer.waiting).toBeLessThan(2 * HOLD_BYTES);
  expect(one.socket.writableLength).toBeGreaterThan(0);
  await proxy.heal();
  await until(() => one.text().length === flood.length, { within: 20_000, what: 'the flood to pass' });
});

test('what is swallowed never arrives, and the end is lost with it', async () => {
  const one = await client();
  const swallow = proxy.impose({ swallow: true }, { direction: 'toServer' });
  one.socket.write('lost');
  const connection = await first();
  await until(() => connection.toServer.swallowed === 4, { what: 'the bytes to be swallowed' });
  swallow.lift();
  one.socket.write('seen');
  await sees(one, 'seen');
  proxy.impose({ swallow: true });
  one.socket.end();
  const other = await client();
  other.socket.write('x');
  await until(() => proxy.connections[1]?.toServer.swallowed === 1, { what: 'the later bytes to be swallowed' });
  expect(one.ending).toBeUndefined();
  expect(proxy.connections).toHaveLength(2);
});

test('slices come one byte at a time', async () => {
  proxy.impose({ slice: 1 }, { direction: 'toClient' });
  const one = await client();
  one.socket.write('in slices');
  await sees(one, 'in slices');
  expect(Math.max(...one.chunks)).toBeLessThan('in slices'.length);
});

test('a connection is cut after so many bytes', async () => {
  proxy.impose({ cutAfter: 4 }, { direction: 'toClient' });
  const one = await client();
  one.socket.write('cut here');
  await until(() => one.ending, { what: 'the connection to be cut' });
  expect(one.ending).toBe('ECONNRESET');
  expect('cut '.startsWith(one.text())).toBe(true);
});

test('resets reach both sides, or one of them alone', async () => {
  const one = await client();
  await first();
  proxy.resetConnections();
  await until(() => one.ending === 'ECONNRESET', { what: 'the client to see the reset' });
  await until(() => serverSockets[0]?.destroyed, { what: 'the server to see the reset' });

  const two = await client();
  const connection = await connectionOf(2);
  connection.resetOnly('client');
  await until(() => two.ending === 'ECONNRESET', { what: 'the client to see the reset' });
  const [, server] = await until(() => serverSockets[1] && serverSockets, { what: 'the second connection' });
  server?.write('is anybody there?');
  await until(() => connection.toClient.swallowed > 0, { what: 'the answer to nobody to be swallowed' });
  expect(server?.destroyed).toBe(false);
});

test('new connections can be refused while the old ones live', async () => {
  const one = await client();
  one.socket.write('a');
  await sees(one, 'a');
  proxy.refuse();
  await expect(client()).rejects.toThrow('ECONNREFUSED');
  one.socket.write('b');
  await sees(one, 'ab');
  await proxy.accept();
  const two = await client();
  two.socket.write('c');
  await sees(two, 'c');
});

test('a server that is away shows as a reset, and a URL leads through the proxy', async () => {
  echo.close();
  const one = await client();
  await until(() => one.ending, { what: 'the client to lose its connection' });
  expect(proxy.through('redis://:secret@localhost:1/2')).toBe(`redis://:secret@127.0.0.1:${proxy.port}/2`);
});
