import type { z } from 'zod';
import { configSchema, type KeyDoc, keyDocs } from './schema.js';

/** A node of the schema: a section with keys, or one key with its default as it is written in a file. */
export type ConfigNode =
  | { readonly kind: 'section'; readonly keys: ReadonlyMap<string, ConfigNode> }
  | { readonly kind: 'key'; readonly doc: KeyDoc; readonly fallback: unknown; readonly item: ConfigNode | undefined };

/** The schema as a plain tree, for whoever explains it. */
export function configTree(): ConfigNode & { kind: 'section' } {
  const root = describe(configSchema);
  if (root?.kind !== 'section') throw new TypeError('the configuration is an object');
  return root;
}

/** Every single key as a dotted path, in the order of the schema. */
export function configKeys(): readonly (ConfigNode & { kind: 'key'; path: string })[] {
  const walk = (node: ConfigNode, path: string): (ConfigNode & { kind: 'key'; path: string })[] =>
    node.kind === 'key'
      ? [{ ...node, path }]
      : [...node.keys].flatMap(([name, key]) => walk(key, path === '' ? name : `${path}.${name}`));
  return walk(configTree(), '');
}

/** Follows a path of keys and list positions; undefined where the schema knows nothing. */
export function nodeAt(path: readonly PropertyKey[]): ConfigNode | undefined {
  let node: ConfigNode | undefined = configTree();
  for (const step of path) {
    if (typeof step === 'number') node = node?.kind === 'key' ? node.item : undefined;
    else if (node?.kind === 'section') node = node.keys.get(String(step));
    else node = node?.item?.kind === 'section' ? node.item.keys.get(String(step)) : undefined;
  }
  return node;
}

function describe(schema: z.core.$ZodType): ConfigNode | undefined {
  const doc = keyDocs.get(schema as z.ZodType);
  const { def, fallback } = unwrap(schema);
  if (doc) return { kind: 'key', doc, fallback, item: itemOf(def) };
  return def.type === 'object' ? objectNode(def as z.core.$ZodObjectDef) : undefined;
}

/** What a list holds, or the object form of a key that has one (of which `item` tells the keys). */
function itemOf(def: z.core.$ZodTypeDef): ConfigNode | undefined {
  if (def.type === 'array') return describe((def as z.core.$ZodArrayDef).element);
  return def.type === 'object' ? objectNode(def as z.core.$ZodObjectDef) : undefined;
}

function objectNode(def: z.core.$ZodObjectDef): ConfigNode {
  const keys = Object.entries(def.shape).flatMap(([name, child]) => {
    const node = describe(child);
    return node ? [[name, node] as const] : [];
  });
  return { kind: 'section', keys: new Map(keys) };
}

function unwrap(schema: z.core.$ZodType): { def: z.core.$ZodTypeDef; fallback: unknown } {
  let { def } = schema._zod;
  let fallback: unknown;
  for (;;) {
    if (def.type === 'prefault' || def.type === 'default') {
      const outer = def as z.core.$ZodPrefaultDef;
      fallback = outer.defaultValue;
      def = outer.innerType._zod.def;
    } else if (def.type === 'pipe') {
      const { in: input, out } = def as z.core.$ZodPipeDef;
      def = (input._zod.def.type === 'transform' ? out : input)._zod.def;
    } else return { def, fallback };
  }
}
