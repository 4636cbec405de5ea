import type { Resource } from '../../../resources/resource.ts';
import { openApiDocument } from '../openapi/document.ts';
import type { Route } from '../route.ts';
import { apiPageRoutes } from './api-page.ts';
import { landingPage } from './landing-page.ts';

/** Returns the routes for browsers: the page at `/`, and the API's documentation as a document and as a page. */
export function pageRoutes(resources: readonly Resource[], api: readonly Route[], version: string): Route[] {
  const document = JSON.stringify(openApiDocument(api, version));
  return [
    { method: 'GET', path: '/', handle: () => landingPage(resources) },
    {
      method: 'GET',
      path: '/openapi/json',
      handle: () => new Response(document, { headers: { 'content-type': 'application/json' } }),
    },
    ...apiPageRoutes(),
  ];
}
