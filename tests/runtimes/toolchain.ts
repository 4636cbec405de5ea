import { join } from 'node:path';
import { run } from './run.ts';

type Command = readonly [string, ...string[]];

/** How to call what the packaging tests need; each is followed by its arguments. */
export interface Toolchain {
  readonly bun: Command;
  readonly deno: Command;
  readonly node22: Command;
  readonly node24: Command;
  readonly npm: Command;
}

const ROOT = join(import.meta.dir, '../..');
const FOLDER = join(import.meta.dir, 'toolchain');

/**
 * Installs Node 22, Node 24 and npm beside this file, as the lockfile there says, and finds the rest. Nothing of it comes
 * from PATH: the tests mean the same on a machine that has only Bun as on one that has only Node.
 */
export async function installToolchain(): Promise<Toolchain> {
  const bun: Command = [process.execPath];
  await run([...bun, 'install', '--frozen-lockfile', '--ignore-scripts'], { cwd: FOLDER });
  const node = (major: number): Command => [
    join(FOLDER, `node_modules/node${major}-${process.platform}-${process.arch}/bin/node`),
  ];
  const node22 = node(22);
  return {
    bun,
    deno: [...node22, join(ROOT, 'node_modules/deno/bin.cjs')],
    node22,
    node24: node(24),
    npm: [...node22, join(FOLDER, 'node_modules/npm/bin/npm-cli.js')],
  };
}
