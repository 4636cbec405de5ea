import type { Resource } from '../../../resources/resource.ts';
import { API_PREFIX } from '../route.ts';
import { escapeHtml, page } from './page.ts';

/** Returns the page at `/`. It says what this service is and links to the API. */
export function landingPage(resources: readonly Resource[]): Response {
  const items = resources.map(({ route, summary }) => {
    return `<li><code>GET ${escapeHtml(API_PREFIX + route)}</code> ${escapeHtml(summary)}</li>`;
  });
  return page('Tiercel', {
    body: `<h1>Tiercel</h1>

<p>A catalog behind a multi-tier cache. Each answer says in <code>X-Cache-Tier</code> which tier gave it.</p>

<ul>

${items.join('\n')}

</ul>

<p><a href="/openapi">The whole API</a></p>`,
  });
}
