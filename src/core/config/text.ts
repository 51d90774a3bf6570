import { type ConfigNode, configKeys, configTree } from './keys.js';

/** All defaults as commented HJSON, generated from the schema. Reads back to the same values. */
export function defaultConfigText(): string {
  const lines = ['# The configuration of ratatoskr, with every default. HJSON: commas and most quotes are optional.', '{'];
  writeSection(configTree(), '  ', lines);
  return `${[...lines, '}'].join('\n')}\n`;
}

/** docs/configuration.md, generated from the schema. */
export function configurationPage(): string {
  const rows = configKeys().map(
    ({ path, doc, fallback }) =>
      `| \`${path}\` | \`${JSON.stringify(fallback)}\` | ${cell(doc.unit ?? '')} | ${cell(doc.allowed)} | ${cell(doc.about ?? '')} |`,
  );
  return `# Configuration

<!-- Generated from src/core/config/schema.ts by \`npx tsx scripts/write-docs.ts\`; a test fails when it is stale. -->

The configuration is [HJSON](https://hjson.github.io): JSON with comments, and with commas and most quotes optional. A value
without quotes runs to the end of its line. Durations are written as \`500ms\`, \`1.5s\`, \`2m\`, \`1h\` or \`1d\`.

It is read from the first of these that there is:

1. the file named with \`--config FILE\`, or standard input for \`--config -\`
2. \`$XDG_CONFIG_HOME/ratatoskr/ratatoskr.conf\` (\`~/.config/...\` without the variable), unless run by root
3. \`/etc/ratatoskr.conf\`
4. none: the defaults

Options of the command line win over the file. \`ratatoskr config\` prints all defaults with comments, \`ratatoskr config
--check FILE\` tells what is wrong with a file, and SIGHUP makes a running agent read its file again. Strategies, their options
and plugins are taken when the agent starts: a change of \`strategies\` counts from the next start.

| Key | Default | Unit | Must be | Meaning |
|---|---|---|---|---|
${rows.join('\n')}

Entries of \`allow\` and \`deny\` are overlay addresses (\`200:1234::1\`), public keys of 64 hex digits, routed subnets
(\`300:1234:5678:9abc::/64\`) or any CIDR block inside \`200::/7\`. An address inside a routed subnet stands for the node that
the subnet belongs to.
`;
}

function writeSection(section: ConfigNode & { kind: 'section' }, indent: string, lines: string[]): void {
  for (const [name, node] of section.keys) {
    if (lines.at(-1) !== '{' && !lines.at(-1)?.endsWith(': {')) lines.push('');
    if (node.kind === 'section') {
      lines.push(`${indent}${name}: {`);
      writeSection(node, `${indent}  `, lines);
      lines.push(`${indent}}`);
      continue;
    }
    const { about = '', unit, allowed } = node.doc;
    for (const line of wrap(`${about} Must be ${allowed}.`.trim(), 100 - indent.length)) lines.push(`${indent}# ${line}`);
    if (unit !== undefined) lines.push(`${indent}# Unit: ${unit}`);
    lines.push(...`${name}: ${literal(node.fallback)}`.split('\n').map((line) => `${indent}${line}`));
  }
}

function literal(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return JSON.stringify(value);
  return `[\n${value.map((item) => `  ${JSON.stringify(item)}`).join('\n')}\n]`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
