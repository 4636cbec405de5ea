export type { MemoryBus } from './bus.ts';
export type { MemorySnapshot } from './contents.ts';
export type { Schedule } from './link.ts';
export { memoryLocalTier } from './local-tier.ts';
export { MemoryOutbox } from './outbox.ts';
export { MemoryOutboxTable, type StoredRow } from './outbox-table.ts';
export type { MemoryRemoteTier } from './remote-tier.ts';
export { MemoryServer, type MemoryServerOptions, type RestartData } from './server.ts';
