/** Finds the methods of a path, for `405 Method Not Allowed` and its `Allow`. */
export class RouteTable {
  readonly #methods = new Map<string, { readonly pattern: RegExp; readonly methods: Set<string> }>();

  /** Adds a route. Its parameters are written `:name`. A GET answers HEAD as well. */
  add(method: string, path: string): void {
    const known = this.#methods.get(path) ?? { pattern: patternOf(path), methods: new Set<string>() };
    known.methods.add(method);
    if (method === 'GET') known.methods.add('HEAD');
    this.#methods.set(path, known);
  }

  /** Returns the methods of all routes that match a path, in alphabetical order. An unknown path has none. */
  allowed(path: string): string[] {
    const found = [...this.#methods.values()].filter(({ pattern }) => pattern.test(path));
    return [...new Set(found.flatMap(({ methods }) => [...methods]))].sort();
  }
}

function patternOf(path: string): RegExp {
  const segments = path.split('/').map((segment) => (segment.startsWith(':') ? '[^/]+' : RegExp.escape(segment)));
  return new RegExp(`^${segments.join('/')}$`);
}
