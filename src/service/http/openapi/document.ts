import type { Route } from '../route.ts';

/** Returns the OpenAPI 3.1 document of all routes that carry an operation. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const { method, path, operation } of routes) {
    if (operation === undefined) continue;
    const name = path.replace(/:(\w+)/g, '{$1}');
    paths[name] = { ...paths[name], [method.toLowerCase()]: operation };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tiercel',
      version,
      description: 'A catalog behind a multi-tier cache: each answer says which tier gave it.',
    },
    security: [{ token: [] }, {}],
    paths,
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } }, responses: RESPONSES },
  };
}

const RESPONSES = {
  NotModified: { description: 'The client has these bytes already.' },
  Problem: {
    description: 'Refused, or failed: problem details (RFC 9457).',
    content: {
      'application/problem+json': {
        schema: {
          type: 'object',
          required: ['type', 'title', 'status', 'detail', 'instance'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            detail: { type: 'string' },
            instance: { type: 'string' },
          },
        },
      },
    },
  },
};
