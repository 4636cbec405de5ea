import { recall } from '../refill/generations.ts';
import type { CacheContext } from '../state/context.ts';
import type { WriteRequest } from '../state/request.ts';

/** True when the value is encoded after the call, because L2 has to answer first or generations have to be read. */
export function mayWait(context: CacheContext, { tagIds }: WriteRequest): boolean {
  return context.l2 !== undefined && (context.l2.readiness.isAwaited || recall(context, tagIds, new Map()).length > 0);
}

/** Returns the request with a copy of its value. Changes that the caller makes after the call are then not stored. */
export function asCalled(request: WriteRequest): WriteRequest {
  return { ...request, value: JSON.parse(JSON.stringify(request.value)) as unknown };
}
