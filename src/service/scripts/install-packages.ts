import { spawn } from 'node:child_process';

/** An installation without missing packages takes a tenth of this time and prints nothing. */
const TELL_AFTER_MS = 400;

/**
 * Installs the missing packages of the lockfile before a program starts that needs them. This script itself needs none. It
 * writes to stderr alone, because stdout belongs to the program.
 */
async function installPackages(): Promise<number> {
  const began = performance.now();
  let hasTold = false;
  const timer = setTimeout(() => {
    hasTold = true;
    say('installing packages, which is needed once and takes some ten seconds …');
  }, TELL_AFTER_MS);
  const status = await run([process.execPath, 'install', '--frozen-lockfile', '--silent']);
  clearTimeout(timer);
  if (status !== 0) say(`the packages could not be installed (${status}): is the package registry within reach?`);
  else if (hasTold) say(`packages installed in ${((performance.now() - began) / 1_000).toFixed(1)} s`);
  return status;
}

function run([command = '', ...args]: readonly string[]): Promise<number> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status) => resolve(status ?? 1));
  });
}

function say(line: string): void {
  process.stderr.write(`[tiercel] ${line}\n`);
}

process.exitCode = await installPackages();
