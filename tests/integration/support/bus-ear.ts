import { Redis } from 'ioredis';

/** An invalidation as it goes over the bus. */
export interface HeardInvalidation {
  /** Of a relay it ends in `:relay`. */
  readonly origin: string;
  readonly targets: { readonly ids: readonly string[]; readonly tags: readonly string[] };
}

/** A subscriber of nobody's, that only counts. */
export interface BusEar {
  /** All that has been said since it began to listen. */
  readonly heard: readonly HeardInvalidation[];
}

/** Begins to listen to the bus of a namespace; `owner` ends it. */
export async function listenToBus(owner: AsyncDisposableStack, redisUrl: string, namespace: string): Promise<BusEar> {
  const heard: HeardInvalidation[] = [];
  const client = new Redis(redisUrl);
  owner.defer(() => client.disconnect());
  client.on('message', (_: string, text: string) => heard.push(JSON.parse(text) as HeardInvalidation));
  await client.subscribe(`{${namespace}.0}:bus:0`);
  return { heard };
}
