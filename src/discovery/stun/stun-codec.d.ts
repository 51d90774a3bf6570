/** What scripts/bundle-stun.mjs takes of the npm package `stun` 2.1.0. Written as if it were sound: see codec.ts. */
declare module '#stun-codec' {
  /** RFC 8489 §5. */
  interface StunMessage extends Iterable<{ readonly type: number; readonly value: unknown }> {
    readonly type: number;
    readonly transactionId: Buffer;
    /** True for messages of RFC 3489, which have no magic cookie. */
    isLegacy(): boolean;
    getAttribute(type: number): { readonly value: unknown } | undefined;
    /** Only on messages that were created, not on decoded ones. @returns the attribute, undefined when it is there already */
    addAttribute(type: number, ...values: unknown[]): unknown;
  }

  const codec: {
    readonly messageType: {
      readonly BINDING_REQUEST: number;
      readonly BINDING_RESPONSE: number;
      readonly BINDING_ERROR_RESPONSE: number;
    };
    readonly attributeType: {
      readonly MAPPED_ADDRESS: number;
      readonly XOR_MAPPED_ADDRESS: number;
      readonly ERROR_CODE: number;
      readonly UNKNOWN_ATTRIBUTES: number;
      readonly CHANGE_REQUEST: number;
      readonly RESPONSE_PORT: number;
      readonly RESPONSE_ORIGIN: number;
      readonly OTHER_ADDRESS: number;
    };
    createMessage(type: number, transactionId: Buffer): StunMessage;
    encode(message: StunMessage): Buffer;
    /** Throws on most kinds of junk. */
    decode(bytes: Buffer): StunMessage;
  };
  export default codec;
}
