import type { History, ReadRecord, WriteRecord } from './history.ts';

/** A broken invariant, with what shows it. */
export interface Violation {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'no-error';
  readonly message: string;
}

/** What the checks compare with. */
export interface Bounds {
  /** D, in milliseconds. */
  readonly maxLagMs: number;
  /** `staleIfError` and `staleWhileRevalidate` together with the TTL: no flagged answer is older. */
  readonly oldestFlaggedMs: number;
}

/**
 * The invariants of the protocol over one history: each looks at every read once, against the writes of its key.
 * Linear in the reads but for the writes of one key, which are few.
 */
export function violations(history: History, bounds: Bounds): Violation[] {
  const writesOf = Map.groupBy(history.writes, ({ key }) => key);
  const found: Violation[] = [];
  for (const { instance, key, at, error } of history.failures) {
    found.push({ invariant: 'no-error', message: `${instance} read ${key} at ${ms(at)}: ${String(error)}` });
  }
  for (const read of history.reads) {
    const writes = writesOf.get(read.key) ?? [];
    found.push(...checkFreshness(read, writes, bounds), ...checkCommitted(read, writes), ...checkWindow(read, bounds));
  }
  for (const reads of Map.groupBy(history.reads, ({ instance, key }) => `${instance} ${key}`).values()) {
    found.push(...checkOrder(reads, writesOf, bounds));
  }
  return found;
}

/** I1 and I2: no older than the writes acknowledged before; with a bound of D elsewhere, none on the writer itself. */
function checkFreshness(read: ReadRecord, writes: readonly WriteRecord[], { maxLagMs }: Bounds): Violation[] {
  if (read.flagged) return [];
  for (const write of writes) {
    if (write.version <= read.version) continue;
    const isOwn =
      write.instance === read.instance && write.acknowledgedAt !== undefined && write.acknowledgedAt <= read.start;
    const isKnown = write.deliveredAt !== undefined && write.deliveredAt < read.start - maxLagMs;
    if (!isOwn && !isKnown) continue;
    const bound = isOwn ? 'here' : `${ms(read.start - (write.deliveredAt ?? 0))} before`;
    return [
      {
        invariant: isOwn ? 'I2' : 'I1',
        message: `${describe(read)} although version ${write.version} was acknowledged ${bound} by ${write.instance}`,
      },
    ];
  }
  return [];
}

/** I5: only what was committed, and of the key that was asked for. */
function checkCommitted(read: ReadRecord, writes: readonly WriteRecord[]): Violation[] {
  const isRight =
    read.lookup.value.key === read.key &&
    (read.version === 0 || writes.some(({ version }) => version === read.version));
  return isRight ? [] : [{ invariant: 'I5', message: `${describe(read)}, which was never committed` }];
}

/** I3: a flagged answer is within its window. */
function checkWindow(read: ReadRecord, { oldestFlaggedMs }: Bounds): Violation[] {
  if (!read.flagged || read.lookup.age <= oldestFlaggedMs) return [];
  return [{ invariant: 'I3', message: `${describe(read)}, flagged, ${ms(read.lookup.age)} old` }];
}

/**
 * I6: of two reads here that do not overlap, the later is no older; excepted until the newer write's invalidation has
 * reached this instance, for which it has D, where the newer value came from the source and was not stored in L2.
 */
function checkOrder(
  reads: readonly ReadRecord[],
  writesOf: ReadonlyMap<string, readonly WriteRecord[]>,
  { maxLagMs }: Bounds,
): Violation[] {
  const found: Violation[] = [];
  const neverInL2 = new Set(
    reads.filter(({ lookup }) => lookup.tier === 'source' && !lookup.steps.l2?.stored).map(({ version }) => version),
  );
  const byEnd = reads.filter(({ flagged }) => !flagged).sort((one, other) => one.end - other.end);
  const byStart = [...byEnd].sort((one, other) => one.start - other.start);
  let newest: ReadRecord | undefined;
  let ended = 0;
  for (const read of byStart) {
    for (let next = byEnd[ended]; next !== undefined && next.end <= read.start; next = byEnd[ended]) {
      ended += 1;
      if (newest === undefined || next.version > newest.version) newest = next;
    }
    if (newest === undefined || newest.version <= read.version) continue;
    const { version, key } = newest;
    const write = writesOf.get(key)?.find((each) => each.version === version);
    const isUndelivered = write?.deliveredAt === undefined || write.deliveredAt + maxLagMs > read.start;
    if (!isUndelivered || !neverInL2.has(version))
      found.push({ invariant: 'I6', message: `${describe(read)} after ${describe(newest)}` });
  }
  return found;
}

function describe({ instance, key, version, start, end, lookup }: ReadRecord): string {
  return `${instance} read ${key} = ${version} from ${lookup.tier} at ${ms(start)}–${ms(end)}`;
}

function ms(time: number): string {
  return `${time.toFixed(1)} ms`;
}
