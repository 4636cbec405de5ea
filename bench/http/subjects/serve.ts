import { Elysia } from 'elysia';

/** The route of a product, as the service has it. */
const ROUTE = '/api/v1/orgs/:orgId/products/:id';

/** What a subject takes of Elysia's context. */
export interface Asked {
  readonly request: Request;
  readonly params: { readonly orgId: string; readonly id: string };
}

/**
 * A server of one route on a free port; prints where, as one line that its parent waits for. Elysia reads the text of a
 * handler to find out what it uses, so this hands it the handler as it is.
 */
export function serve(handler: (asked: Asked) => unknown): void {
  const app = new Elysia().get(ROUTE, handler);
  app.listen({ hostname: '127.0.0.1', port: 0, reusePort: false, development: false });
  console.log(`listening ${app.server?.url.origin}`);
}
