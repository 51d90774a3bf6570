import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { exitCodes } from '../src/cli/exit-codes.js';
import { configurationPage } from '../src/core/config/text.js';
import { errorCatalogue } from '../src/core/error-catalogue.js';
import { metricsPage } from '../src/metrics/definitions.js';
import { portMapping } from '../src/strategies/port-mapping/index.js';
import { tcpHolePunching } from '../src/strategies/tcp-hole-punching/index.js';
import { udpHolePunching } from '../src/strategies/udp-hole-punching/index.js';
import { simulate } from '../test/sim/kernel-grid/outcome.js';
import { type Agreement, agreementSection, readAgreements } from '../test/sim/kernel-grid/table.js';
import { sectionMark, simulatedSection } from '../test/sim/nat-grid/table.js';
import { commandsPage } from './commands-page.js';

/** The generated pages of docs/, by their path. `npx tsx scripts/write-docs.ts` writes them; tests compare. */
export const generatedPages: Readonly<Record<string, string>> = {
  'docs/commands.md': commandsPage(),
  'docs/configuration.md': `${configurationPage()}\n${strategyOptions()}`,
  'docs/errors.md': errorsPage(),
  'docs/metrics.md': metricsPage(),
  'docs/nat-grid.md': natGridPage(readAgreements()),
};

/** What those of the built-in strategies that have options take. */
function strategyOptions(): string {
  const rows = [portMapping, tcpHolePunching, udpHolePunching].flatMap(({ name, options }) =>
    Object.entries(z.toJSONSchema(options, { io: 'input' }).properties ?? {}).map(([key, schema]) => {
      const { default: fallback, description, type, minimum, maximum, items } = schema as z.core.JSONSchema.Schema;
      const names = (items as z.core.JSONSchema.Schema | undefined)?.enum?.map((each) => JSON.stringify(each)).join(', ');
      const range = names ? `list of ${names}` : minimum === undefined ? type : `${type}, ${minimum} to ${maximum}`;
      const preset = fallback === undefined ? '' : `\`${JSON.stringify(fallback)}\``;
      return `| \`${name}\` | \`${key}\` | ${preset} | ${range} | ${description} |`;
    }),
  );
  return `## Options of strategies

They stand beside the name in \`strategies\`: \`{ use: tcp-hole-punching, options: { seal: true } }\`.

| Strategy | Option | Default | Must be | Meaning |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

/** The laboratory writes the first part, from measurements. */
function natGridPage(agreements: readonly Agreement[]): string {
  const [measured = ''] = readFileSync(new URL('../docs/nat-grid.md', import.meta.url), 'utf8').split(sectionMark);
  return `${measured.trimEnd()}\n\n${sectionMark}\n\n${agreementSection(agreements)}\n${simulatedSection()}`;
}

function errorsPage(): string {
  const sections = Object.entries(errorCatalogue).map(
    ([code, { meaning, help }]) => `## ${code}\n\n${meaning}\n\n**Next step:** ${help}\n`,
  );
  return `# Errors

<!-- Generated from src/core/error-catalogue.ts and src/cli/exit-codes.ts by \`npx tsx scripts/write-docs.ts\`; a test fails when it is stale. -->

Every failure that the agent reports has one of these codes, a sentence that says what happened, and a next step. Codes
stay the same from release to release; sentences may change.

${sections.join('\n')}
# Exit codes

| Code | Meaning |
|---|---|
${Object.values(exitCodes)
  .map(({ code, meaning }) => `| ${code} | ${meaning} |`)
  .join('\n')}
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const agreements: Agreement[] = [];
  for (const { a, b, measured } of readAgreements()) agreements.push({ a, b, measured, simulated: await simulate(a, b) });
  const pages = { ...generatedPages, 'docs/nat-grid.md': natGridPage(agreements) };
  for (const [path, text] of Object.entries(pages)) writeFileSync(new URL(`../${path}`, import.meta.url), text);
}
