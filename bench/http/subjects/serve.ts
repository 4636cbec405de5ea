import { Elysia } from 'elysia';

/** The route of a product in the service. */
const ROUTE = '/api/v1/orgs/:orgId/products/:id';

/** The members of Elysia's context that a subject uses. */
export interface Asked {
  readonly request: Request;
  readonly params: { readonly orgId: string; readonly id: string };
}

/**
 * Starts a server of one route on a free port, and prints its address as one line that its parent waits for. Elysia
 * reads the text of a handler to find the members that it uses, so it gets the handler as it is.
 */
export function serve(handler: (asked: Asked) => unknown): void {
  const app = new Elysia().get(ROUTE, handler);
  app.listen({ hostname: '127.0.0.1', port: 0, reusePort: false, development: false });
  console.log(`listening ${app.server?.url.origin}`);
}
