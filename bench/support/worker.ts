/** The questions that a worker answers. The answer travels back. */
export type Handlers = Readonly<Record<string, (argument: unknown) => unknown>>;

interface Question {
  readonly id: number;
  readonly ask: string;
  readonly argument: unknown;
}

/** Answers the questions of the process that started this one, until that process ends. */
export function serve(handlers: Handlers): void {
  process.on('message', (question: Question) => void answer(handlers, question));
  process.on('disconnect', () => process.exit());
  // The first message says that it listens.
  process.send?.({ id: 0, value: 'ready' });
}

async function answer(handlers: Handlers, { id, ask, argument }: Question): Promise<void> {
  try {
    const handler = handlers[ask];
    if (handler === undefined) throw new Error(`a worker cannot be asked for ${ask}`);
    process.send?.({ id, value: await handler(argument) });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

/** Returns the milliseconds of a clock that all processes of this machine share, with their fractions. */
export const sharedNow = (): number => performance.timeOrigin + performance.now();
