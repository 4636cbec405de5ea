/** The headers of a page. The policy allows only content of this service, so a page works offline and runs no foreign script. */
const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  // No other page may show this one in a frame, where its visitors could be made to click on it.
  'content-security-policy': "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
  'referrer-policy': 'no-referrer',
};

/** Returns an answer with a page. `head` and `body` are HTML, so callers must escape all foreign text. */
export function page(title: string, { head = '', body }: { readonly head?: string; readonly body: string }): Response {
  const html = `<!doctype html>

<html lang="en">

<head>

<meta charset="utf-8">

<meta name="viewport" content="width=device-width, initial-scale=1">

<title>${escapeHtml(title)}</title>

${head}

</head>

<body>

${body}

</body>

</html>

`;
  return new Response(html, { headers: HEADERS });
}

/** Escapes a text for the content and the quoted attributes of HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
