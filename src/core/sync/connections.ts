import type { Bus, BusListener } from '../ports/bus.ts';
import type { CacheIdentity } from '../ports/cache-identity.ts';
import type { RemoteListener, RemoteTier } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';

/** The connections of one cache: to L2 and, if it has one, to the bus. */
export interface Connections {
  readonly tier: RemoteTier;
  readonly bus: Bus | undefined;
}

/**
 * Starts both connections. If the bus refuses, the connection to L2 is closed again.
 * @throws what either refuses with.
 */
export function startConnections(
  context: CacheContext,
  { tier, bus }: Connections,
  onRemote: RemoteListener,
  onBus: BusListener,
): void {
  const { name, version, codec, instance, background } = context;
  const cache: CacheIdentity = { name, version, format: codec.format };
  tier.start(onRemote, cache);
  try {
    bus?.start(instance, onBus, cache);
  } catch (error) {
    background.track(guarded(context, 'close', () => tier.close()));
    throw error;
  }
}

/** Closes both connections. Never rejects. */
export async function closeConnections(context: CacheContext, { tier, bus }: Connections): Promise<void> {
  await Promise.all([guarded(context, 'close', () => bus?.close()), guarded(context, 'close', () => tier.close())]);
}

/** Tells of what a connection throws or rejects with. Never rejects: the loop that tends it is the only way back. */
export async function guarded(
  context: Pick<CacheContext, 'emit'>,
  operation: string,
  order: () => unknown,
): Promise<void> {
  try {
    await order();
  } catch (error) {
    tellFailure(context, operation, error);
  }
}

/** Tells of a failure that no caller was told of. */
export function tellFailure({ emit }: Pick<CacheContext, 'emit'>, operation: string, error: unknown): void {
  emit({ type: 'tier_failure', error, operation, tier: 'l2', background: true });
}
