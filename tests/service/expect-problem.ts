import { expect } from 'bun:test';

/** Checks that an answer is a problem document about its request and nothing else. */
export async function expectProblem(answer: Response, status: number): Promise<Record<string, unknown>> {
  const problem = await answer.json();
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json']);
  expect(Object.keys(problem)).toEqual(['type', 'title', 'status', 'detail', 'instance']);
  expect(problem).toMatchObject({ type: 'about:blank', status, instance: new URL(answer.url).pathname });
  expect(JSON.stringify(problem)).not.toMatch(/select|insert| at \/|\.ts/i);
  return problem;
}
