import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { removeFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { run } from './run.ts';
import type { Toolchain } from './toolchain.ts';

const ROOT = join(import.meta.dir, '../..');

/** The clients that a project brings along itself, at the versions that this one is tested with. */
const CLIENTS = ['@opentelemetry/api', 'elysia', 'ioredis', 'lru-cache', 'postgres'] as const;

/** The package as a stranger gets it, installed in a project of its own. */
export interface PackedPackage extends Disposable {
  /** What would be published. */
  readonly tarball: string;
  /** A project that has nothing but the package and its clients. */
  readonly project: string;
  /** Puts a copy of a file of this folder into the project and answers its name there. */
  add(file: string): string;
}

/** Packs, which builds, and installs the package. */
export async function packAndInstall(tools: Toolchain): Promise<PackedPackage> {
  const project = temporaryFolder('project');
  const dispose = (): void => removeFolder(project);
  const tarball = await installInto(project, tools).catch((error: unknown) => {
    dispose();
    throw error;
  });
  return {
    tarball,
    project,
    add(file) {
      copyFileSync(join(import.meta.dir, file), join(project, file));
      return file;
    },
    [Symbol.dispose]: dispose,
  };
}

/** Answers the path of what was packed. */
async function installInto(project: string, { npm }: Toolchain): Promise<string> {
  const packed = await run([...npm, 'pack', '--silent', '--pack-destination', project], { cwd: ROOT });
  const tarball = join(project, packed.stdout.trim());
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));
  const clients = CLIENTS.map((name) => `${name}@${manifest.devDependencies[name]}`);
  const quiet = ['--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  await run([...npm, 'install', ...quiet, tarball, ...clients], { cwd: project });
  return tarball;
}
