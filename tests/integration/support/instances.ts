import { expect } from 'bun:test';
import { type ServiceProcess, startService } from '../../support/service-process.ts';

/**
 * Starts an instance that `owner` ends. Its end is a check as well: it must exit with 0, and must neither have printed
 * anything beside its log nor have logged an error.
 */
export async function startInstance(
  owner: AsyncDisposableStack,
  env: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const service = await startService(env);
  owner.defer(() => expectCleanEnd(service));
  return service;
}

/** Ends a service, and checks that it went as it should and had nothing to complain about. */
export async function expectCleanEnd(service: ServiceProcess): Promise<void> {
  expect(await service.stop()).toBe(0);
  expect(strayOutput(service)).toEqual([]);
  expect(service.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
}

/** Whatever a service printed that is not a line of its log: the complaints of the runtime, unhandled rejections above all. */
export function strayOutput(service: ServiceProcess): string[] {
  return service
    .output()
    .split('\n')
    .filter((line) => line !== '' && !isLogLine(line));
}

/** How many lines of this event a service has logged. */
export function countEvents(service: ServiceProcess, event: string): number {
  return service.logs.filter((line) => line.event === event).length;
}

function isLogLine(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch {
    return false;
  }
}
