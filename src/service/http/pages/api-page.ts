import { fileURLToPath } from 'node:url';
import type { Route } from '../route.ts';
import { page } from './page.ts';

/** Where the API's documentation is, as a page; the document itself is at `/openapi/json`. */
const PATH = '/openapi';

const CONFIGURATION = {
  url: `${PATH}/json`,
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  // Both would send the document to somebody else.
  agent: { disabled: true },
  mcp: { disabled: true },
};

/**
 * The API's documentation as a page, made by Scalar from the package that is installed here. Its own way, a script from
 * a network of strangers at its latest version, is not ours.
 */
export function apiPageRoutes(): Route[] {
  const head = `<link rel="stylesheet" href="${PATH}/scalar.css">`;
  // No script stands in the page itself: its policy would not run it.
  const body = `<div id="reference"></div>\n<script src="${PATH}/scalar.js"></script>\n<script src="${PATH}/start.js"></script>`;
  const start = `Scalar.createApiReference('#reference', ${JSON.stringify(CONFIGURATION)});\n`;
  return [
    { method: 'GET', path: PATH, handle: () => page('Tiercel: the API', { head, body }) },
    { method: 'GET', path: `${PATH}/start.js`, handle: () => asset(start, 'text/javascript; charset=utf-8') },
    fileRoute('scalar.js', 'browser/standalone.js', 'text/javascript; charset=utf-8'),
    fileRoute('scalar.css', 'style.css', 'text/css; charset=utf-8'),
  ];
}

function fileRoute(name: string, file: string, type: string): Route {
  const main = fileURLToPath(import.meta.resolve('@scalar/api-reference'));
  const content = Bun.file(main.replace(/index\.js$/, file));
  return { method: 'GET', path: `${PATH}/${name}`, handle: () => asset(content, type) };
}

function asset(content: string | Blob, type: string): Response {
  return new Response(content, {
    headers: { 'content-type': type, 'cache-control': 'public, max-age=3600' },
  });
}
