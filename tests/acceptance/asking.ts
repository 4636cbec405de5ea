import { type Provenance, provenanceOf } from '../integration/support/provenance.ts';
import type { ServiceProcess } from '../support/service-process.ts';

/** Opens every route. */
export const OPERATOR = 'operator-token-of-the-stories-0123456789';

/** How to ask; by default a GET by the operator. */
export interface Question {
  readonly method?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `null` for none. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Milliseconds from the question to the last byte. */
  readonly ms: number;
  readonly provenance: Provenance;
  /** Milliseconds spent in each tier that was asked, as `Server-Timing` says. */
  readonly tierMs: Readonly<Record<string, number>>;
  json<T>(): T;
}

/** Asks a service for a path and waits for all of the answer. */
export async function ask(service: ServiceProcess, path: string, question: Question = {}): Promise<Answer> {
  const { method = 'GET', body, token = OPERATOR, headers = {} } = question;
  const began = performance.now();
  const answer = await service.fetch(path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    ms: performance.now() - began,
    provenance: provenanceOf(answer),
    tierMs: tierMsOf(answer.headers),
    json: <T>() => JSON.parse(text) as T,
  };
}

/** Asks for one path after the other. */
export async function askAll(service: ServiceProcess, paths: readonly string[]): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const path of paths) answers.push(await ask(service, path));
  return answers;
}

/** Where each of some answers came from. */
export const provenances = (answers: readonly Answer[]): Provenance[] => answers.map(({ provenance }) => provenance);

/** How long each of some answers took, in milliseconds. */
export const durations = (answers: readonly Answer[]): number[] => answers.map(({ ms }) => ms);

/** How much of that was spent in a tier. */
export const tierDurations = (answers: readonly Answer[], tier: string): number[] =>
  answers.map(({ tierMs }) => tierMs[tier] ?? Number.NaN);

function tierMsOf(headers: Headers): Record<string, number> {
  const metrics = headers.get('server-timing')?.matchAll(/(\w+);dur=([\d.]+)/g) ?? [];
  return Object.fromEntries([...metrics].map(([, tier, ms]) => [tier, Number(ms)]));
}
