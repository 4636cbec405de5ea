import { expect, test } from 'bun:test';
import { type Context, createContextKey, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { EMPTY_CONTEXT } from '../../../src/service/http/span-context.ts';

const [one, other] = [createContextKey('one'), createContextKey('other')];

/** What a context answers after it has been put to use in every way. */
function story(empty: Context): unknown[] {
  const single = empty.setValue(one, 1);
  const both = single.setValue(other, 2);
  const contexts = [empty, single, both, single.setValue(one, 3), both.deleteValue(one), single.deleteValue(one)];
  const unchanged = [single.deleteValue(other), empty.deleteValue(one)];
  return [...contexts, ...unchanged].map((context) => [context.getValue(one), context.getValue(other)]);
}

test('a context with one field answers as those of the API do', () => {
  expect(story(EMPTY_CONTEXT)).toEqual(story(ROOT_CONTEXT));
});

test('a span that is put into it is found again', () => {
  const span = trace.wrapSpanContext({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 0 });
  expect(trace.getSpan(trace.setSpan(EMPTY_CONTEXT, span))).toBe(span);
});
