import { AdminError } from '../errors.js';

/** The oldest router that prefers a direct link whatever its cost, which bridges depend on. */
const oldestRouter = '0.5.13';

/**
 * Can an agent serve this router?
 * @param hasCoords getSelf gave coordinates, which only 0.4 has
 * @returns `untold` for a router built without a version: it is taken on trust
 * @throws AdminError ROUTER_TOO_OLD
 */
export function checkRouterVersion(version: string, hasCoords: boolean): 'supported' | 'untold' {
  const numbers = numbersOf(version);
  if (hasCoords || (numbers && order(numbers, [0, 5, 0]) < 0)) {
    throw new AdminError('ROUTER_TOO_OLD', `The router is yggdrasil ${version}: 0.4 and older speak another protocol than 0.5.`);
  }
  if (!numbers) return 'untold';
  if (!prefersDirectLinks(version)) {
    throw new AdminError('ROUTER_TOO_OLD', `The router is yggdrasil ${version}, and bridges need ${oldestRouter} or newer.`);
  }
  return 'supported';
}

/** Does a router of this version send by a direct link even when that is no part of the tree? Not known of one that tells no version. */
export function prefersDirectLinks(version: string): boolean {
  const numbers = numbersOf(version);
  return numbers !== undefined && order(numbers, oldestRouter.split('.').map(Number)) >= 0;
}

function numbersOf(version: string): number[] | undefined {
  const parts = /^v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?/.exec(version)?.slice(1);
  return parts?.map((part) => Number(part ?? 0));
}

function order(left: readonly number[], right: readonly number[]): number {
  for (const [index, number] of left.entries()) {
    const difference = number - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
