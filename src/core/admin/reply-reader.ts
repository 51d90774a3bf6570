import { JsonCursor, Unfamiliar } from './json-cursor.js';

/**
 * Reads a reply where it lies, of which only one member of the response is wanted.
 * @param reply the whole reply, JSON in UTF-8
 * @param read reads the member's value; may throw {@link Unfamiliar}
 * @returns what it made of it; undefined for a reply that is not plainly a success as yggdrasil writes it, which is for `parseEnvelope` and a
 * schema to judge
 */
export function readReply<Result>(reply: Uint8Array, member: string, read: (cursor: JsonCursor) => Result): Result | undefined {
  try {
    return readEnvelope(new JsonCursor(reply), member, read);
  } catch (error) {
    if (error instanceof Unfamiliar) return undefined;
    throw error;
  }
}

function readEnvelope<Result>(cursor: JsonCursor, member: string, read: (cursor: JsonCursor) => Result): Result | undefined {
  let succeeded = false;
  let answer: Result | undefined;
  if (!cursor.enter('{')) return undefined;
  do {
    cursor.name();
    if (cursor.is('status')) {
      cursor.string();
      succeeded = cursor.is('success');
    } else if (cursor.is('response')) answer = readResponse(cursor, member, read);
    else if (cursor.is('error')) return undefined;
    else cursor.skip();
  } while (cursor.more('}'));
  return succeeded && cursor.ended ? answer : undefined;
}

function readResponse<Result>(cursor: JsonCursor, member: string, read: (cursor: JsonCursor) => Result): Result | undefined {
  let answer: Result | undefined;
  if (!cursor.enter('{')) return undefined;
  do {
    cursor.name();
    if (cursor.is(member)) answer = read(cursor);
    else cursor.skip();
  } while (cursor.more('}'));
  return answer;
}
