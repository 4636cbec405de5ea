import { expect, test } from 'bun:test';
import { ReplyError } from 'ioredis';
import { toRemoteError } from '../../../src/adapters/redis/failure.ts';
import { RemoteError } from '../../../src/core/ports.ts';

test.each([
  ['OOM command not allowed', 'full'],
  ["OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'", 'full'],
  ['NOPERM User has no permissions', 'denied'],
  ['WRONGPASS invalid username-password pair', 'denied'],
  ['NOAUTH Authentication required.', 'denied'],
  ['WRONGTYPE Operation against a key', 'denied'],
  ['LOADING Redis is loading the dataset in memory', 'unavailable'],
  ['MASTERDOWN Link with MASTER is down', 'unavailable'],
  ['CLUSTERDOWN The cluster is down', 'unavailable'],
  ['NOREPLICAS Not enough good replicas to write.', 'unavailable'],
  ["READONLY You can't write against a read only replica.", 'unavailable'],
  ['MISCONF Redis is configured to save RDB snapshots', 'unavailable'],
  ['BUSY Redis is busy running a script.', 'unavailable'],
  ['ERR syntax error', 'error'],
  ['', 'error'],
])('the reply %p is %s', (reply, failure) => {
  const error = new ReplyError(reply);
  expect(toRemoteError(error)).toMatchObject({ failure, message: reply, cause: error });
});

test.each([
  [new Error('Connection is closed.'), 'unavailable'],
  [Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 'unavailable'],
  [Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'denied'],
  [Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' }), 'denied'],
  [Object.assign(new Error('first'), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), 'denied'],
  [new TypeError('undefined is not a function'), 'error'],
  ['a string', 'error'],
])('%p is %s', (error, failure) => {
  expect(toRemoteError(error)).toMatchObject({ failure, cause: error });
});

test('what is translated already stays as it is', () => {
  const error = new RemoteError('full', 'full');
  expect(toRemoteError(error)).toBe(error);
});
