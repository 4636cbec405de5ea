import type { TSchema } from '@sinclair/typebox';
import type { Mutation } from '../../../resources/mutation.ts';
import { pathParams } from '../../../resources/params.ts';
import type { Resource } from '../../../resources/resource.ts';
import type { Operation, Parameter } from '../route.ts';

/** The reference to the problem response of the document's components; see `document.ts`. */
export const PROBLEM = { $ref: '#/components/responses/Problem' };

const NOT_MODIFIED = { $ref: '#/components/responses/NotModified' };

const ID = { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER };

/** Returns the documentation of a resource's GET. */
export function readOperation(resource: Resource): Operation {
  const query = Object.entries(resource.query).map(([name, { description, ...schema }]): Parameter => {
    return { name, in: 'query', required: false, description, schema: { type: 'integer', ...schema } };
  });
  return {
    operationId: `get-${resource.name}`,
    summary: resource.summary,
    tags: [resource.name],
    parameters: [...idParameters(resource.route), ...query],
    responses: {
      200: { ...jsonContent(resource.summary, resource.schema), headers: CACHE_HEADERS },
      304: NOT_MODIFIED,
      default: PROBLEM,
    },
  };
}

/** Returns the documentation of a resource's mutation. */
export function mutationOperation(resource: Resource, mutation: Mutation): Operation {
  const { method, suffix = '', summary, body, answer = resource.schema } = mutation;
  const success =
    method === 'DELETE'
      ? { 204: { description: 'Done' } }
      : { [method === 'POST' ? 201 : 200]: jsonContent('The new state', answer) };
  return {
    operationId: `${method.toLowerCase()}-${resource.name}${suffix.replaceAll('/', '-')}`,
    summary,
    tags: [resource.name],
    parameters: idParameters(resource.route),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...success, default: PROBLEM },
  };
}

/** Describes an answer in JSON. */
export function jsonContent(description: string, schema: TSchema | object): { description: string; content: object } {
  return { description, content: { 'application/json': { schema } } };
}

function idParameters(route: string): Parameter[] {
  return pathParams(route).map((name) => ({ name, in: 'path', required: true, schema: ID }));
}

const header = (description: string) => ({ description, schema: { type: 'string' } });

const CACHE_HEADERS = {
  'Cache-Status': header('How each tier dealt with the request (RFC 9211).'),
  'X-Cache-Tier': { description: 'The tier that answered.', schema: { enum: ['l1', 'l2', 'source'] } },
  'Server-Timing': header('Milliseconds in each tier that was asked.'),
  ETag: header('A strong tag of the bytes.'),
  Age: header('Seconds since the value was loaded.'),
};
