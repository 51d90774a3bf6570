import { type Clock, sleep } from '../clock.js';
import { AdminError } from '../errors.js';
import type { Net, PeerCredentials } from '../net.js';
import type { RouterSelf } from '../router.js';
import type { AdminTarget } from './admin-uri.js';
import type { AdminConnection } from './connection.js';
import { openAdminConnection } from './open-connection.js';
import { checkRouterVersion } from './router-version.js';
import { identityHolds, parseSelf } from './schemas.js';

export interface LinkOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Milliseconds from the connection to the first request. @default 0 */
  readonly restMs?: number;
}

/** What connects us to one running router: a connection for polls and, from the first change on, one for changes. */
export class RouterLink {
  /** Resolves with why the link ended: it lives and dies with the connection for polls. */
  readonly closed: Promise<AdminError>;
  private changing: Promise<AdminConnection> | undefined;
  /** Ends a second connection that is still being made. */
  private readonly ending = new AbortController();

  private constructor(
    readonly target: AdminTarget,
    readonly self: RouterSelf,
    /** False for a router built without a version. */
    readonly versionTold: boolean,
    /** Credentials of the router's process (unix only). */
    readonly process: PeerCredentials | undefined,
    /** Requests that are repeated and answered at once. */
    readonly polls: AdminConnection,
    private readonly options: LinkOptions,
  ) {
    this.closed = polls.closed.then((reason) => {
      this.close();
      return reason;
    });
  }

  /**
   * Connects and makes sure of what answers.
   * @param options.signal aborts the opening; afterwards {@link close} ends the link
   * @throws AdminError ROUTER_TOO_OLD, those of openAdminConnection and AdminConnection.call; the signal's reason
   */
  static async open(target: AdminTarget, options: LinkOptions): Promise<RouterLink> {
    const { connection, process } = await openAdminConnection(target, options);
    const { clock, signal, restMs = 0 } = options;
    try {
      if (restMs > 0) await sleep(clock, restMs, signal);
      const { hasCoords, ...self } = await connection.call('getSelf', {}, parseSelf, { signal });
      const version = checkRouterVersion(self.version, hasCoords);
      if (!identityHolds(self)) {
        throw new AdminError(
          'ADMIN_REPLY_INVALID',
          `The address ${self.address} in the reply to getSelf is not that of its key.`,
        );
      }
      return new RouterLink(target, self, version === 'supported', process, connection, options);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** The connection for requests that may take long, so that no poll waits for them. Opened when it is first needed, or needed again. */
  changes(): Promise<AdminConnection> {
    this.changing ??= this.openChanges();
    return this.changing;
  }

  /** Idempotent. */
  close(): void {
    this.ending.abort(new AdminError('ADMIN_CLOSED', 'The connection to the router is closed.'));
    this.polls.close();
    this.changing?.then((connection) => connection.close()).catch(() => undefined);
  }

  private async openChanges(): Promise<AdminConnection> {
    const forget = () => {
      this.changing = undefined;
    };
    try {
      const { connection } = await openAdminConnection(this.target, { ...this.options, signal: this.ending.signal });
      connection.closed.then(forget, forget);
      return connection;
    } catch (error) {
      forget();
      throw error;
    }
  }
}
