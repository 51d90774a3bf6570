import type { Random } from '../../../core/random.js';
import { type Credentials, longTermKey } from './credentials.js';
import { type Attribute, type DecodedMessage, encodeMessage, isResponse } from './message.js';
import { attribute, type Method, messageClass, transactionIdLength } from './protocol.js';
import { type Alternate, TurnRefusal } from './turn-error.js';
import { decodeAddress, decodeErrorCode } from './values.js';

/** How often one request is repeated because the server wants credentials, or newer ones. */
const mostRepeats = 3;

/** A request as it goes out, and what its answers mean. */
export interface Exchange {
  readonly bytes: Buffer;
  /** The server's answer to this very request, or undefined. */
  match(message: DecodedMessage): DecodedMessage | undefined;
}

/** Attributes of a request, made for its transaction id. */
export type MakeAttributes = (transactionId: Uint8Array) => readonly Attribute[];

/**
 * Long-term credentials on one connection (RFC 8489 §9.2): the first request goes out bare, the 401 that answers it brings realm
 * and nonce, and a 438 brings a new nonce.
 */
export class TurnSession {
  private key: Buffer | undefined;
  private realm: Buffer | undefined;
  private nonce: Buffer | undefined;

  constructor(
    /** For messages: `host:port`. */
    readonly server: string,
    private readonly credentials: Credentials,
    private readonly random: Random,
  ) {}

  /**
   * Asks until the server does not want other credentials.
   * @param send takes one request to the server and resolves with its answer
   * @throws TurnRefusal, and what `send` throws
   */
  async ask(
    method: Method,
    attributes: MakeAttributes,
    send: (exchange: Exchange) => Promise<DecodedMessage>,
  ): Promise<DecodedMessage> {
    for (let repeats = 0; ; repeats++) {
      const hadKey = this.key !== undefined;
      const answer = await send(this.exchange(method, attributes));
      if (answer.class === messageClass.success) return answer;
      const { status, reason } = decodeErrorCode(answer.value(attribute.errorCode)) ?? { status: 0, reason: 'without a code' };
      const wantsOther = (status === 401 && !hadKey) || status === 438;
      if (!wantsOther || repeats === mostRepeats || !this.learn(answer)) {
        throw new TurnRefusal(status, this.server, reason, status === 300 ? alternateIn(answer) : undefined);
      }
    }
  }

  private exchange(method: Method, attributes: MakeAttributes): Exchange {
    const transactionId = this.random.bytes(transactionIdLength);
    const { key, realm, nonce } = this;
    const own = attributes(transactionId);
    const identity: Attribute[] =
      key && realm && nonce
        ? [
            [attribute.username, Buffer.from(this.credentials.username)],
            [attribute.realm, realm],
            [attribute.nonce, nonce],
          ]
        : [];
    const request = { method, class: messageClass.request, transactionId, attributes: [...own, ...identity] };
    return {
      bytes: encodeMessage(request, key),
      match: (message) => {
        if (!isResponse(message, method) || !Buffer.from(transactionId).equals(message.transactionId)) return undefined;
        // RFC 8489 §9.2.5: a success that is not signed was not sent.
        return message.class === messageClass.error || !key || message.authenticated(key) ? message : undefined;
      },
    };
  }

  private learn(answer: DecodedMessage): boolean {
    const realm = answer.value(attribute.realm) ?? this.realm;
    const nonce = answer.value(attribute.nonce);
    if (!realm || !nonce) return false;
    this.realm = Buffer.from(realm);
    this.nonce = Buffer.from(nonce);
    this.key = longTermKey(this.credentials, realm.toString('utf8'));
    return true;
  }
}

function alternateIn(answer: DecodedMessage): Alternate | undefined {
  const endpoint = decodeAddress(answer.value(attribute.alternateServer));
  return endpoint && { endpoint, domain: answer.value(attribute.alternateDomain)?.toString('utf8') };
}
