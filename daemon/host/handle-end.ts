/** How a handle is named in sentences and on screens that may be passed on: by its end. */

/** "…4412", "…@example.com", "a group". */
export function handleEnd(address: string): string {
  const at = address.lastIndexOf('@');
  if (at >= 0) return `…${address.slice(at)}`;
  return address.startsWith('group:') || address.length < 5 ? 'a group' : `…${address.slice(-4)}`;
}
