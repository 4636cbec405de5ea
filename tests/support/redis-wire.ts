import type { Observers, ProxyConnection } from './proxy-connection.ts';
import { RespRequests } from './resp.ts';

/** A command as it was seen on the wire. */
export interface SeenCommand {
  readonly connection: ProxyConnection;
  /** In capital letters. */
  readonly name: string;
  readonly words: readonly string[];
}

/** Watches the clients of a proxy in front of Redis: `startProxy({ target, ...wire.observers })`. */
export interface RedisWire {
  readonly observers: Observers;
  /** All that was sent since the start or the latest {@link RedisWire.forget}, in the order of arrival at the proxy. */
  readonly commands: readonly SeenCommand[];
  /** How many of them have this name, e.g. `GET`, and satisfy the condition. */
  count(name: string, where?: (command: SeenCommand) => boolean): number;
  forget(): void;
}

/** Selects the connections that subscribed, for faults of the bus alone. */
export const isBus = (connection: ProxyConnection): boolean => connection.label === 'bus';

/** Selects the connections that carry commands, for faults of the data path alone. */
export const isData = (connection: ProxyConnection): boolean => !isBus(connection);

const SUBSCRIBING = new Set(['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE']);

/** Starts with no command seen. Labels each connection `bus` once it subscribes. */
export function redisWire(): RedisWire {
  const parsers = new WeakMap<ProxyConnection, RespRequests>();
  let commands: SeenCommand[] = [];

  const parserOf = (connection: ProxyConnection) => {
    const parser = parsers.get(connection) ?? new RespRequests();
    parsers.set(connection, parser);
    return parser;
  };
  return {
    observers: {
      onClientData(connection, bytes) {
        for (const words of parserOf(connection).feed(bytes)) {
          const name = (words[0] ?? '').toUpperCase();
          if (SUBSCRIBING.has(name)) connection.label = 'bus';
          commands.push({ connection, name, words });
        }
      },
    },
    get commands() {
      return commands;
    },
    count: (name, where = () => true) => commands.filter((one) => one.name === name && where(one)).length,
    forget() {
      commands = [];
    },
  };
}
