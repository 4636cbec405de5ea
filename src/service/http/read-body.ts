import type { Static, TSchema } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import type { ValueError } from '@sinclair/typebox/errors';
import { Problem } from './problem.ts';

/** The largest request body, in bytes. */
export const MAX_BODY_BYTES = 64 * 1_024;

/** An answer names at most this many problems of one body. */
const MAX_TOLD = 8;

/** An answer shows at most this many characters of a place, because names of properties are the client's own text. */
const MAX_PLACE = 80;

/** Reads a request's body. It throws a {@link Problem}: 415, 413 or 400. */
export type ReadBody<Schema extends TSchema> = (request: Request) => Promise<Static<Schema>>;

/** Returns a reader of bodies of a schema. */
export function bodyReader<Schema extends TSchema>(schema: Schema): ReadBody<Schema> {
  const check = TypeCompiler.Compile(schema);
  return async (request) => {
    assertJson(request.headers);
    const body = parse(await readBytes(request));
    if (check.Check(body)) return body;
    const told: string[] = [];
    for (const error of check.Errors(body)) {
      told.push(`${placeOf(error.path)}: ${messageOf(error)}`);
      if (told.length === MAX_TOLD) break;
    }
    throw new Problem(400, `The body is not what is expected: ${told.join('; ')}`);
  };
}

function placeOf(path: string): string {
  if (path === '') return 'the body';
  return path.length > MAX_PLACE ? `${path.slice(0, MAX_PLACE).toWellFormed()}…` : path;
}

/** Names the expected value in the schema's own words, if it has any. The text of a pattern helps no client. */
function messageOf({ message, schema }: ValueError): string {
  const expected: unknown = schema['x-expected'];
  return typeof expected === 'string' ? `Expected ${expected}` : message;
}

function assertJson(headers: Headers): void {
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new Problem(415, 'The body must be application/json');
  const encoding = headers.get('content-encoding')?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== 'identity')
    throw new Problem(415, 'The body must come without a Content-Encoding');
}

/** Reads at most the limit into memory, with or without a stated length. */
async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // An error that leaves the loop cancels the stream.
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Closes the connection with the answer, so the server does not receive the rest of the body. */
function tooLarge(): Problem {
  return new Problem(413, `The body must have at most ${MAX_BODY_BYTES} bytes`, { connection: 'close' });
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Problem(400, 'The body is not JSON in UTF-8');
  }
}
