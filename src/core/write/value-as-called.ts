import { recall } from '../refill/generations.ts';
import type { CacheContext } from '../state/context.ts';
import type { WriteRequest } from '../state/request.ts';

/** Whether the value is written down later than in the call: L2 has to be heard of first, or generations have to be read. */
export function mayWait(context: CacheContext, { tagIds }: WriteRequest): boolean {
  return context.l2 !== undefined && (context.l2.readiness.isAwaited || recall(context, tagIds, new Map()).length > 0);
}

/** The request with a copy of its value: what the caller changes in the value after the call is not stored. */
export function asCalled(request: WriteRequest): WriteRequest {
  return { ...request, value: JSON.parse(JSON.stringify(request.value)) as unknown };
}
