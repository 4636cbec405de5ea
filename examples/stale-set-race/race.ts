import type { Contestant } from './contestants.ts';
import type { Database } from './database.ts';

const OLD_PRICE = 10;
const NEW_PRICE = 20;

/** The answers of all instances once the race is over. */
export interface Outcome {
  readonly a: number | null;
  readonly b: number | null;
  readonly c: number | null;
  readonly database: number | null;
  /** The number of reads of the database. A cache that stores nothing would win as well. */
  readonly queries: number;
}

/** Runs the race for a product that no instance has asked for yet. */
export async function race({ a, b, c }: Contestant, database: Database, id: number): Promise<Outcome> {
  await database.write(id, OLD_PRICE);
  const queriesBefore = database.queries;

  // 1. A misses and loads. The database has answered 10, and the answer is on its way.
  const load = database.holdNextRead();
  const readOfA = a.read(id);
  await load.begun;

  // 2. B changes the row and invalidates. Once this is acknowledged, 10 is history.
  await b.write(id, NEW_PRICE);

  // 3. The answer arrives at A, which stores what it has loaded. Or does it?
  load.arrive();
  await readOfA;

  const answers = { a: await a.read(id), b: await b.read(id), c: await c.read(id) };
  return { ...answers, database: database.now(id), queries: database.queries - queriesBefore };
}

/** Tells if an instance still answers with another price than the database. */
export function isStale({ a, b, c, database }: Outcome): boolean {
  return [a, b, c].some((price) => price !== database);
}
