import { join } from 'node:path';
import { launcher } from '../../tests/support/launcher.ts';

/** A process that answers questions; see `worker.ts` for its side. */
export interface Worker extends AsyncDisposable {
  /** @throws Error with the failure in that process, or when it has ended. */
  ask<T>(question: string, argument?: unknown): Promise<T>;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starts a file of this folder's parent as a worker, and waits until it listens. It does not outlive this process. */
export async function startWorker(file: string, args: readonly string[] = []): Promise<Worker> {
  const waiting = new Map<number, Waiting>();
  let last = 0;
  const expect = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => void waiting.set(id, { resolve, reject }));
  const ready = expect(0);
  const child = Bun.spawn([...launcher(), process.execPath, join(import.meta.dir, '..', file), ...args], {
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    ipc({ id, value, error }: Answer) {
      const one = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) one?.resolve(value);
      else one?.reject(new Error(`${file} ${args.join(' ')}: ${error}`));
    },
    onExit() {
      for (const { reject } of waiting.values()) reject(new Error(`${file} ${args.join(' ')} has ended`));
      waiting.clear();
    },
  });
  await ready;
  return {
    async ask<T>(question: string, argument?: unknown): Promise<T> {
      last += 1;
      const answer = expect(last);
      child.send({ id: last, ask: question, argument });
      return (await answer) as T;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
    },
  };
}
