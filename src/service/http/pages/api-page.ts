import { fileURLToPath } from 'node:url';
import type { Route } from '../route.ts';
import { page } from './page.ts';

/** The path of the API's documentation as a page. The document itself is at `/openapi/json`. */
const PATH = '/openapi';

const CONFIGURATION = {
  url: `${PATH}/json`,
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: 'never',
  // Both features would send the document to a third party.
  agent: { disabled: true },
  mcp: { disabled: true },
};

/**
 * Returns the API's documentation as a page, made by Scalar from the package that is installed here. Scalar's usual script
 * comes from a public network in its latest version, so the service does not use it.
 */
export function apiPageRoutes(): Route[] {
  const head = `<link rel="stylesheet" href="${PATH}/scalar.css">`;
  // The page holds no inline script, because its policy would not run it.
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
