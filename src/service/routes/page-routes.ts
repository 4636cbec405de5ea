import type { Resource } from '../../resources/resource.ts';
import { openApiDocument } from '../openapi/document.ts';
import { API_PREFIX } from '../paths.ts';
import type { Route } from '../route.ts';

/** Everything a page needs comes from this service: it works offline, and nothing foreign runs in it. */
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'self'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The page at `/`, and the API's documentation as a document and as a page. */
export function pageRoutes(resources: readonly Resource[], api: readonly Route[], version: string): Route[] {
  const document = JSON.stringify(openApiDocument(api, version));
  const landing = landingPage(resources);
  return [
    { method: 'GET', path: '/', handle: () => new Response(landing, { headers: PAGE_HEADERS }) },
    {
      method: 'GET',
      path: '/openapi/json',
      handle: () => new Response(document, { headers: { 'content-type': 'application/json' } }),
    },
  ];
}

function landingPage(resources: readonly Resource[]): string {
  const items = resources.map(
    ({ route, summary }) => `<li><code>GET ${API_PREFIX}${escapeHtml(route)}</code> ${escapeHtml(summary)}</li>`,
  );
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Tiercel</title></head>
<body>
<h1>Tiercel</h1>
<p>A catalog behind a multi-tier cache. Each answer says in <code>X-Cache-Tier</code> which tier gave it:
ask twice for <a href="${API_PREFIX}/orgs/1/products/1">a product</a> and compare.</p>
<ul>${items.join('')}</ul>
<p><a href="/openapi">The API</a></p>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
