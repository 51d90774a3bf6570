import { expect, test } from 'vitest';
import { filterHints } from '../../src/doctor/packet-filter.js';

const overlay = { port: 4702, interface: 'ygg0' };

function ruleset(rules: string, { family = 'inet', policy = 'accept', hook = 'input' } = {}): string {
  const lines = rules.split('\n').map((rule) => `\t\t${rule}`);
  return `table ${family} filter {\n\tchain mine {\n\t\ttype filter hook ${hook} priority filter; policy ${policy};\n${lines.join('\n')}\n\t}\n}\n`;
}

test.each([
  ['tcp dport 4702 drop'],
  ['tcp dport { 22, 4700-4800 } counter packets 0 bytes 0 reject'],
  ['iifname "ygg0" drop'],
  ['iifname "ygg*" tcp dport 4702 reject with tcp reset'],
  ['iifname { "eth0", "ygg0" } meta l4proto tcp drop'],
])('%s keeps agents out', (rule) => {
  expect(filterHints(ruleset(rule), overlay).blocks).toBe(`The packet filter has “${rule}” in chain mine of table inet filter.`);
});

test.each([
  ['another port', 'tcp dport 22 drop'],
  ['another interface', 'iifname "eth0" tcp dport 4702 drop'],
  ['every interface but the overlay’s', 'iifname != "ygg0" tcp dport 4702 drop'],
  ['every port but ours', 'tcp dport != 4702 drop'],
  ['one source', 'ip6 saddr 200::1 tcp dport 4702 drop'],
  ['other protocols', 'iifname "ygg0" udp dport 4702 drop'],
  ['what an earlier rule has let in', 'tcp dport 4702 accept\niifname "ygg0" drop'],
  ['nobody', ''],
])('a rule for %s does not', (_, rules) => {
  expect(filterHints(ruleset(rules), overlay)).toEqual({});
});

test('tables of IPv4 are not looked at', () => {
  expect(filterHints(ruleset('tcp dport 4702 drop', { family: 'ip' }), overlay)).toEqual({});
});

test('a chain that drops by policy is worth a note, and no hindrance: both ends dial', () => {
  const hints = filterHints(ruleset('ct state established,related accept', { policy: 'drop' }), overlay);
  expect(hints.blocks).toBeUndefined();
  expect(hints.note).toMatch(/chain mine of table inet filter drops/);
});

test('what cannot be read says nothing', () => {
  expect(filterHints('', overlay)).toEqual({});
  expect(filterHints('\u0000} table { {', overlay)).toEqual({});
});
