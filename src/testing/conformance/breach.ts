/** A rule that does not hold: what was expected, and what happened instead. */
export class Breach extends Error {
  constructor(
    readonly expected: string,
    readonly happened: string,
    options?: ErrorOptions,
  ) {
    super(`Expected: ${expected}\nHappened: ${happened}`, options);
  }
}

/** A strategy does not keep a rule of the contract. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError';
  /** The rule's sentence. */
  readonly rule: string;

  constructor(rule: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.rule = rule;
  }
}
