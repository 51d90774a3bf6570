/** What is used of xml2js 0.6.2: its parser without its builder. */
declare module 'xml2js/lib/parser.js' {
  export class Parser {
    constructor(options: object);
    parseString(text: string, callback: (error: Error | null, result: unknown) => void): void;
  }
}

declare module 'xml2js/lib/defaults.js' {
  /** The options by which an older version parsed. */
  export const defaults: { readonly '0.1': object };
}
