import { expect, test } from 'bun:test';
import { ReplyError } from 'ioredis';
import { toRemoteError } from '../../../src/adapters/redis/connection/failure.ts';
import { RemoteError } from '../../../src/core/ports/remote-tier.ts';

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
  ["ERR The user executing the script can't run this command or subcommand script: 0a1b, on @user_script:1.", 'denied'],
  ['ERR syntax error', 'invalid'],
  ['ERR value is not an integer or out of range', 'invalid'],
  ['ERR value is not an integer or out of range script: 0a1b, on @user_script:12.', 'invalid'],
  ['ERR value is out of range, must be positive', 'invalid'],
  ["ERR invalid expire time in 'set' command", 'invalid'],
  ["ERR invalid expire time in 'pexpire' command script: 0a1b, on @user_script:3.", 'invalid'],
  ['ERR string exceeds maximum allowed size (proto-max-bulk-len)', 'invalid'],
  ["ERR wrong number of arguments for 'get' command", 'invalid'],
  ["ERR unknown command 'EVALSHA', with args beginning with: ", 'invalid'],
  ['ERR max number of clients reached', 'error'],
  ['ERR Connection refused', 'error'],
  ['', 'error'],
])('the reply %p is %s', (reply, failure) => {
  const error = new ReplyError(reply);
  expect(toRemoteError(error)).toMatchObject({ failure, message: reply, cause: error });
});

test.each([
  ['a closed connection', new Error('Connection is closed.'), 'unavailable'],
  ['a refused connection', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }), 'unavailable'],
  [
    'a certificate without a trusted authority',
    Object.assign(new Error(), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }),
    'denied',
  ],
  ['a certificate out of date', Object.assign(new Error(), { code: 'CERT_HAS_EXPIRED' }), 'denied'],
  ['a certificate chain with a gap', Object.assign(new Error(), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), 'denied'],
  ['a mistake in the program', new TypeError('undefined is not a function'), 'invalid'],
  ['what is no error at all', 'a string', 'error'],
])('%s', (_what, error, failure) => {
  expect(toRemoteError(error)).toMatchObject({ failure, cause: error });
});

test('what is translated already stays as it is', () => {
  const error = new RemoteError('full', 'full');
  expect(toRemoteError(error)).toBe(error);
});
