import { Host } from './host.js';
import type { IpRouter } from './ip-router.js';
import type { NetworkNode } from './link.js';

/** The tree of routers and hosts, as text. */
export function drawTopology(root: IpRouter): string {
  return [`${root.name}: ${root.description}`, ...branches(root, '')].join('\n');
}

function branches(router: IpRouter, indent: string): string[] {
  return router.below.flatMap((node, index) => {
    const last = index === router.below.length - 1;
    const line = `${indent}${last ? '└─' : '├─'} ${node.name}: ${describe(node)}`;
    return isRouter(node) ? [line, ...branches(node, `${indent}${last ? '   ' : '│  '}`)] : [line];
  });
}

function describe(node: NetworkNode): string {
  return node instanceof Host || isRouter(node) ? node.description : '';
}

function isRouter(node: NetworkNode): node is IpRouter {
  return 'below' in node;
}
