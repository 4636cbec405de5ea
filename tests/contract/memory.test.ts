import { MemoryServer, memoryLocalTier } from '../../src/adapters/memory/index.ts';
import { busContract } from './suites/bus.ts';
import type { ServerHarness } from './suites/harness.ts';
import { localTierContract } from './suites/local-tier.ts';
import { remoteTierContract } from './suites/remote-tier.ts';

async function memoryHarness(): Promise<ServerHarness> {
  const server = new MemoryServer();
  return {
    tier: () => server.remoteTier(),
    bus: () => server.bus(),
    damage: async (id, generation) => server.damage(id, generation),
    setFull: async (full) => {
      server.full = full;
    },
    restart: async (options) => server.restart(options),
    async [Symbol.asyncDispose]() {},
  };
}

localTierContract('memory', memoryLocalTier);
remoteTierContract('memory', memoryHarness);
busContract('memory', memoryHarness);
