/** What a strategy may be called: lower-case words joined by hyphens, up to 64 characters. */
export function isStrategyName(name: string): boolean {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && name.length <= 64;
}
