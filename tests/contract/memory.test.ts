import { MemoryServer, memoryLocalTier } from '../../src/adapters/memory/index.ts';
import {
  busContract,
  ChaosBus,
  ChaosLocalTier,
  type ContractServer,
  chaosRemoteTier,
  localTierContract,
  remoteTierContract,
} from '../../src/testing/index.ts';
import { runContract } from './run-contract.ts';

function memoryServer(): ContractServer {
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

/** The same with a chaos tier over each connection, which has been told nothing. */
function calmServer(): ContractServer {
  const server = memoryServer();
  return { ...server, tier: () => chaosRemoteTier(server.tier()), bus: () => new ChaosBus(server.bus()) };
}

runContract('local tier: memory', localTierContract(memoryLocalTier));
runContract('remote tier: memory', remoteTierContract(memoryServer));
runContract('bus: memory', busContract(memoryServer));

runContract(
  'local tier: chaos',
  localTierContract(() => new ChaosLocalTier(memoryLocalTier())),
);
runContract('remote tier: chaos', remoteTierContract(calmServer));
runContract('bus: chaos', busContract(calmServer));
