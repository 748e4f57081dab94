/** Milliseconds that a Retry-After field asks for: seconds, or a date (RFC 9110, 10.2.3). Undefined where it is neither. */
export function retryAfterOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
