/**
 * Milliseconds that each hook and each test of a file may take which starts servers or processes: bun's own 5,000 are
 * too few on a busy machine. A file passes it to `setDefaultTimeout`, which counts for that file alone.
 */
export const SERVERS_TIME_LIMIT_MS = 60_000;
