import { expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { spawnChild } from './child.ts';
import { anyAlive, processTree, signalAll } from './process-tree.ts';

setDefaultTimeout(30_000);

const shell = (script: string, onLine?: (line: string) => void) =>
  spawnChild({ name: 'shell', command: ['sh', '-c', script], ...(onLine ? { onLine } : {}) });

const stateOf = (pid: number) => Bun.spawnSync(['ps', '-o', 'stat=', '-p', String(pid)]).stdout.toString();

test('a child that ends too early says what it printed', async () => {
  const child = shell('echo no luck >&2; exit 3');
  await expect(child.ready(/never/)).rejects.toThrow('no luck');
  expect(await child.exited).toBe(3);

  const slow = shell('echo slowly; exec sleep 60');
  await slow.ready(/slowly/);
  await expect(slow.ready(/never/, 50)).rejects.toThrow('slowly');
  await slow.kill();
});

test('lines come whole and in order', async () => {
  const lines: string[] = [];
  const child = shell('printf "one\\ntw"; printf "o\\nrest"', (line) => lines.push(line));
  expect(await child.exited).toBe(0);
  expect(lines).toEqual(['one', 'two']);
  expect(child.output()).toBe('one\ntwo\nrest');
});

test('a child that ignores SIGTERM is killed with its descendants', async () => {
  const child = shell("trap '' TERM; sleep 60 & echo ready; wait; wait; sleep 60");
  await child.ready(/ready/);
  const tree = await until(() => processTree(child.pid).length > 1 && processTree(child.pid), { what: 'a descendant' });
  expect(await child.stop('SIGTERM', 50)).toBe('SIGKILL');
  expect(anyAlive(tree)).toBe(false);
  expect(await child.stop()).toBe('SIGKILL');
});

test('a paused child stands still with its descendants, and can be stopped all the same', async () => {
  const child = shell('sleep 60 & echo ready; wait');
  await child.ready(/ready/);
  child.pause();
  const tree = processTree(child.pid);
  await until(() => tree.every((pid) => stateOf(pid).startsWith('T')), { what: 'all of them to be stopped' });
  child.resume();
  await until(() => tree.every((pid) => !stateOf(pid).startsWith('T')), { what: 'all of them to run again' });
  child.pause();
  expect(await child.stop()).toBe('SIGTERM');
  signalAll(tree, 'SIGKILL');
});

test.if(process.platform === 'linux')('a child ends with its parent, however that ends', async () => {
  const script = `
    const { spawnChild } = await import(${JSON.stringify(`${import.meta.dirname}/child.ts`)});
    console.log('grandchild ' + spawnChild({ name: 'sleep', command: ['sleep', '60'] }).pid);
    await Bun.sleep(60_000);`;
  const parent = spawnChild({ name: 'parent', command: [process.execPath, '-e', script] });
  const [, pid] = await parent.ready(/grandchild (\d+)/);
  const grandchild = Number(pid);
  expect(anyAlive([grandchild])).toBe(true);
  parent.signal('SIGKILL');
  await parent.exited;
  await until(() => !anyAlive([grandchild]), { what: 'the grandchild to end' });
});
