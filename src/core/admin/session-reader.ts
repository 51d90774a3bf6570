import { addressOf, keyPattern } from '../overlay-address.js';
import type { RouterSession } from '../router.js';
import { type JsonCursor, Unfamiliar } from './json-cursor.js';
import { readReply } from './reply-reader.js';
import type { SessionsReply } from './schemas.js';

/** A session as the last reply had it. */
interface KnownSession extends RouterSession {
  bytesIn: number;
  bytesOut: number;
  /** Which of that reply's it was. */
  place: number;
}

/**
 * Reads replies to getSessions, of which one comes each second with most of it as before: it makes an object and strings for each session
 * once, and recognises them afterwards. A router may have ten thousand sessions, and to make a tree of objects of them each second costs as
 * much again in garbage collection as in parsing, and keeps the heap twice as large as it need be.
 */
export class SessionReader {
  private sessions: KnownSession[] = [];
  /** Filled by the next reply, so that no array is made either. */
  private spare: KnownSession[] = [];
  private byKey = new Map<string, KnownSession>();

  /**
   * @param reply the whole reply, JSON in UTF-8
   * @returns what it tells, good until the next call; undefined for a reply that is not plainly a success as yggdrasil writes it, which is
   * for {@link parseSessions} to judge
   */
  read(reply: Uint8Array): SessionsReply | undefined {
    return readReply(reply, 'sessions', (cursor) => this.readSessions(cursor));
  }

  private readSessions(cursor: JsonCursor): SessionsReply {
    const { sessions: earlier, spare: sessions } = this;
    const entry = new Entry(cursor);
    const misaddressed: string[] = [];
    let expected = 0;
    let count = 0;
    let isNew = false;
    if (cursor.enter('['))
      do {
        entry.read();
        let session = earlier[expected];
        if (!session || !entry.keyIs(session.key)) session = this.byKey.get(entry.key());
        if (session) expected = session.place + 1;
        else {
          session = newSession(entry.key());
          isNew = true;
        }
        if (!entry.addressIs(session.address)) {
          misaddressed.push(session.key);
          continue;
        }
        session.bytesIn = entry.bytesIn;
        session.bytesOut = entry.bytesOut;
        sessions[count++] = session;
      } while (cursor.more(']'));
    sessions.length = count;
    for (let place = 0; place < count; place++) (sessions[place] as KnownSession).place = place;
    if (isNew || count !== this.byKey.size) this.byKey = new Map(sessions.map((session) => [session.key, session]));
    this.sessions = sessions;
    this.spare = earlier;
    return { sessions, misaddressed };
  }
}

function newSession(key: string): KnownSession {
  if (!keyPattern.test(key)) throw new Unfamiliar();
  return { key, address: addressOf(key), bytesIn: 0, bytesOut: 0, place: -1 };
}

/** One entry of the list of sessions: where its words are, and what its numbers are. */
class Entry {
  bytesIn = 0;
  bytesOut = 0;
  private keyFrom = 0;
  private keyTo = 0;
  private addressFrom = 0;
  private addressTo = 0;
  private seen = 0;

  constructor(private readonly cursor: JsonCursor) {}

  read(): void {
    const { cursor } = this;
    this.seen = 0;
    if (cursor.enter('{'))
      do {
        cursor.name();
        this.readField();
      } while (cursor.more('}'));
    if (this.seen !== 0b1111) throw new Unfamiliar();
  }

  private readField(): void {
    const { cursor } = this;
    if (cursor.is('address')) {
      this.once(0b0001);
      cursor.string();
      this.addressFrom = cursor.from;
      this.addressTo = cursor.to;
    } else if (cursor.is('key')) {
      this.once(0b0010);
      cursor.string();
      this.keyFrom = cursor.from;
      this.keyTo = cursor.to;
    } else if (cursor.is('bytes_recvd')) {
      this.once(0b0100);
      this.bytesIn = cursor.count();
    } else if (cursor.is('bytes_sent')) {
      this.once(0b1000);
      this.bytesOut = cursor.count();
    } else cursor.skip();
  }

  private once(field: number): void {
    if (this.seen & field) throw new Unfamiliar();
    this.seen |= field;
  }

  key(): string {
    return this.cursor.word(this.keyFrom, this.keyTo);
  }

  keyIs(key: string): boolean {
    return this.cursor.is(key, this.keyFrom, this.keyTo);
  }

  addressIs(address: string): boolean {
    return this.cursor.is(address, this.addressFrom, this.addressTo);
  }
}
