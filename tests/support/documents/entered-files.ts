import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { removeFolder, temporaryFolder } from '../temporary-folder.ts';
import { READ_KIND, READS, type ReadKind } from './read-kinds.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** The files of the core that every read of this kind enters, sorted: a run with line coverage tells. */
export async function enteredFiles(kind: ReadKind): Promise<string[]> {
  const folder = temporaryFolder('coverage');
  using _ = { [Symbol.dispose]: () => removeFolder(folder) };
  const child = Bun.spawn(
    [
      process.execPath,
      'test',
      '--coverage',
      '--coverage-reporter=lcov',
      `--coverage-dir=${folder}`,
      './tests/support/documents/one-read.ts',
    ],
    { cwd: ROOT, env: { ...process.env, [READ_KIND]: kind }, stdout: 'ignore', stderr: 'pipe' },
  );
  const [output, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode !== 0) throw new Error(`one-read.ts failed with ${exitCode}:\n${output}`);
  return filesThatRan(readFileSync(join(folder, 'lcov.info'), 'utf8')).sort();
}

/** Files of which a line ran in at least every second read. Lines outside of functions run once, at the import. */
function filesThatRan(lcov: string): string[] {
  return lcov
    .split('end_of_record')
    .filter((record) => [...record.matchAll(/^DA:\d+,(\d+)/gm)].some(([, count]) => Number(count) >= READS / 2))
    .map((record) => /^SF:(.+)$/m.exec(record)?.[1] ?? '')
    .filter((file) => file.startsWith('src/core/'));
}
