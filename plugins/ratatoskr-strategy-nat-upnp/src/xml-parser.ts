import { defaults } from 'xml2js/lib/defaults.js';
import { Parser } from 'xml2js/lib/parser.js';

/** What nat-upnp has instead of the parser of xml2js 0.1: that of 0.6, which gives its results the same shape. */
export class XmlParser extends Parser {
  constructor() {
    super({ ...defaults['0.1'], emptyTag: () => ({}) });
  }
}
