/**
 * Returns the group of a key or a tag that a resource's declaration has made for some ids: the parts before the first one
 * that holds a digit. `products:org:3:l100` belongs to `products:org`.
 */
export function declaredGroup(name: string): string {
  const parts = name.split(':');
  const first = parts.findIndex((part) => /[0-9]/.test(part));
  return (first === -1 ? parts : parts.slice(0, first)).join(':');
}
