import { SCRIPTS } from '../../src/adapters/redis/protocol/scripts.ts';
import type { ProxyConnection } from '../support/proxy-connection.ts';
import type { Direction } from '../support/proxy-fault.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { isOwnSession, type RelayFleet, type RelayMember } from './relay-fleet.ts';

/**
 * Where between a commit and the end of what follows from it a process dies: the commit is durable and its writer has not
 * heard of it; the writer has heard and is telling Redis; Redis has acknowledged and the row is about to be marked.
 */
export const KILL_POINTS = ['committed', 'telling', 'marking'] as const;

export type KillPoint = (typeof KILL_POINTS)[number];

/** With a process its connections end; of a machine nobody hears anything any more. */
export type Death = 'process' | 'machine';

/** An instance that will die at an exact point. */
export interface Victim {
  readonly member: RelayMember;
  /** From now on its next change ends there. Resolves once it is dead, with the moment of the commit. */
  die(point: KillPoint, death: Death): Promise<number>;
}

interface Sentence {
  readonly point: KillPoint;
  readonly dead: PromiseWithResolvers<void>;
}

/** A list of tickets, as the session that marks sends them. */
const TICKETS = /"[\w-]{16}\.\d+"/;

/**
 * Starts one. The points are found on the wire and the kill falls before the bytes that show it go on, so that the process
 * is caught there and no other place, without any help of its own.
 */
export async function startVictim(fleet: RelayFleet, name: string): Promise<Victim> {
  let sentence: Sentence | undefined;
  let committedAt = 0;
  const reached = (point: KillPoint, way: (member: RelayMember) => Way): void => {
    if (sentence?.point !== point) return;
    const { proxy, connection, direction } = way(member);
    proxy.impose({ hold: true }, { direction, where: (other) => other === connection });
    process.kill(member.service.pid, 'SIGKILL');
    sentence.dead.resolve();
    sentence = undefined;
  };
  const member = await fleet.start(name, {
    redis(connection, bytes) {
      if (!Buffer.from(bytes).includes(SCRIPTS.invalidate.sha)) return;
      reached('telling', ({ link }) => ({ proxy: link, connection, direction: 'toServer' }));
    },
    postgres: {
      onDone(connection, tag) {
        if (tag !== 'COMMIT') return;
        committedAt = performance.now();
        reached('committed', ({ database }) => ({ proxy: database, connection, direction: 'toClient' }));
      },
      onSent(connection, text) {
        if (!isOwnSession(connection) || !TICKETS.test(text)) return;
        reached('marking', ({ database }) => ({ proxy: database, connection, direction: 'toServer' }));
      },
    },
  });
  return {
    member,
    async die(point, death) {
      const dead = Promise.withResolvers<void>();
      sentence = { point, dead };
      await dead.promise;
      const { link, database, service } = member;
      // Before its sockets are seen to close.
      if (death === 'machine') for (const proxy of [link, database]) proxy.impose({ hold: true });
      await service.kill();
      // What was held is lost with it.
      if (death === 'process') for (const proxy of [link, database]) proxy.resetConnections();
      return committedAt;
    },
  };
}

interface Way {
  readonly proxy: TcpProxy;
  readonly connection: ProxyConnection;
  readonly direction: Direction;
}
