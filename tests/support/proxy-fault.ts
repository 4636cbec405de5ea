/** What goes wrong with the bytes of one direction. Everything left out works as it should. */
export interface Fault {
  /** Milliseconds by which each chunk comes late. */
  readonly latency?: number;
  /** Each chunk's latency is up to this many milliseconds more or less. Their order stays. */
  readonly jitter?: number;
  /** Bytes per second that pass. */
  readonly bandwidth?: number;
  /** The most bytes that are written at once, each slice in a segment of its own. */
  readonly slice?: number;
  /** Nothing passes until this is lifted; then everything does. Its sender feels back-pressure after {@link HOLD_BYTES}. */
  readonly hold?: boolean;
  /** What comes, the end of the connection included, is lost. The sender sees it acknowledged. */
  readonly swallow?: boolean;
  /** The connection is reset once it has carried so many bytes in this direction since it was opened. */
  readonly cutAfter?: number;
}

/** Bytes of one direction of one connection that wait in the proxy before it stops reading. */
export const HOLD_BYTES = 2 ** 20;

/** From the client's side: what it sends goes `toServer`, what it is answered `toClient`. */
export type Direction = 'toServer' | 'toClient';

/** A fault in force; the later one wins where two say something about the same. */
export interface ImposedFault {
  /** Ends it. Doing it again does nothing. */
  lift(): void;
}

/** How late a chunk is to pass, in milliseconds; `chance` from -1 to 1 is the chunk's own share of the jitter. */
export function delayOf({ latency = 0, jitter = 0 }: Fault, chance: number): number {
  return Math.max(0, latency + jitter * chance);
}
