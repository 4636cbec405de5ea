import { account, accountError, outcomeAttributes } from './account.ts';
import type { Parts } from './parts.ts';
import { answer } from './read.ts';
import type { ReadRequest } from './read-request.ts';
import { lookUpStraight } from './straight.ts';
import { ATTRIBUTE, SPAN } from './telemetry-names.ts';

/**
 * A lookup that L1 did not answer outright.
 * @param wanted What the caller has a use for.
 */
export function lookUp(parts: Parts, request: ReadRequest, wanted: 'value' | 'lookup'): Promise<unknown> {
  const { name, tracer, background } = parts;
  if (!tracer.mayRecord()) {
    const straight = lookUpStraight(parts, request, wanted);
    if (straight !== undefined) return straight;
  }
  const attributes = {
    [ATTRIBUTE.name]: name,
    [ATTRIBUTE.operation]: 'get_or_set',
    [ATTRIBUTE.keyGroup]: request.counters.group,
  };
  const looking = tracer.trace(SPAN.lookup, attributes, async (span) => {
    try {
      const lookup = await answer(parts, request, span);
      account(parts, request, lookup);
      span.set(outcomeAttributes(parts, lookup));
      return wanted === 'value' ? lookup.value : lookup;
    } catch (error) {
      span.set({ [ATTRIBUTE.outcome]: 'error' });
      throw accountError(parts, request, error);
    }
  });
  background.track(looking, ignore);
  return looking;
}

function ignore(): void {}
