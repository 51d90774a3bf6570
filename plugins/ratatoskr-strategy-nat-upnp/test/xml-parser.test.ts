import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { XmlParser } from '../src/xml-parser.js';

/** The parser that nat-upnp was written for. */
const { Parser } = createRequire(createRequire(import.meta.url).resolve('nat-upnp'))('xml2js') as { Parser: new () => XmlParser };

function parsed(parser: XmlParser, text: string): unknown {
  let parsed: unknown;
  parser.parseString(text, (error, result) => {
    if (error) throw error;
    parsed = result;
  });
  return parsed;
}

const folder = new URL('miniupnpd/', import.meta.url);
const recorded = readdirSync(folder).map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]);

describe('what nat-upnp parses has the shape that xml2js 0.1 gave it', () => {
  it.each([
    ...recorded,
    ['an empty element', '<a><b></b><c/></a>'],
    ['one with attributes alone', '<a xmlns:s="urn:s"><b c="1"/></a>'],
    ['several of one name', '<a><b>1</b><b/><b c="2">3</b></a>'],
    ['text among spaces, entities and CDATA', '<a>\n <b> 1 \n 2 &amp; <![CDATA[<3>]]> </b>\n</a>'],
  ])('%s', (_, text = '') => {
    expect(parsed(new XmlParser(), text)).toStrictEqual(parsed(new Parser(), text));
  });
});

it('an element called __proto__ is one like others', () => {
  const result = parsed(new XmlParser(), '<a><__proto__><b>1</b></__proto__></a>') as object;
  expect([Object.keys(result), Object.getPrototypeOf(result)]).toEqual([['__proto__'], Object.prototype]);
});
