/** Outcome of a client's bytes: the messages that reach the back end, and the answers. */
import type { Passed } from './compare.js';
import type { Recorded } from './recorder.js';
import { connected, type Kind, pieces, type Side, type Way, writePieces } from './sides.js';

/** Bytes of a client. */
export interface RequestCase {
  readonly name: string;
  readonly send: string;
}

export interface RequestGroup {
  readonly name: string;
  readonly cases: readonly RequestCase[];
}

export interface RequestOutcome extends Passed {
  /** Status and content of each answer. */
  readonly answers: readonly string[];
  /** The whole messages of HTTP as bytes. */
  readonly raw: readonly Recorded[];
}

/** Written behind each case: it arrives as a request of its own only where the framing of the case is certain. */
export const BEHIND = 'GET /behind HTTP/1.1\r\nHost: first\r\n\r\n';
const AFTERWARDS = 'GET /afterwards HTTP/1.1\r\nHost: first\r\n\r\n';

/**
 * Writes a case, a request behind it and FIN, reads to the end, and (where `again`) asks once more on a connection of its
 * own: what that one gets shows whether a connection to the back end was left in disorder.
 */
export async function requestOutcome(
  side: Side,
  kind: Kind,
  send: string,
  way: Way,
  again: boolean,
): Promise<RequestOutcome> {
  const converse = (bytes: string, how: Way): Promise<string> =>
    connected(side, kind, async (connection) => {
      const write = (piece: string): void => {
        if (connection.socket.writable) connection.send(piece);
      };
      await writePieces(write, pieces(bytes, how), side.pause);
      connection.end();
      return connection.all();
    });
  const answers = await converse(send + BEHIND, way);
  const before = await side.recorder.take();
  const afterwards = again ? await converse(AFTERWARDS, 'whole') : '';
  const records: Recorded[] = [...before, ...(again ? await side.recorder.take() : [])];
  const messages = records.map(({ message }) => message);
  return {
    received: messages.filter((message) => message.complete || message.fault !== ''),
    begun: messages.filter((message) => !message.complete && message.fault === ''),
    silent: false,
    answers: [...answersIn(answers), ...answersIn(afterwards)],
    raw: records.filter(({ message }) => message.complete && message.start !== 'TUNNEL'),
  };
}

/**
 * The answers in what a client received. The back end's content never looks like a status line. Whether the connection was
 * kept shows in the answers that follow, not in the field: a client that has sent FIN may be told so or not.
 */
function answersIn(bytes: string): string[] {
  return bytes
    .split(/(?=HTTP\/1\.\d \d{3})/)
    .filter((answer) => answer !== '')
    .map((answer) => {
      const content = /answer-([\w-]*);/.exec(answer)?.[1];
      const target = content === undefined ? '' : ` ${Buffer.from(content, 'base64url').toString('latin1')}`;
      const head = /^HTTP\/1\.\d (\d{3})[\s\S]*?\r\n\r\n/.exec(answer);
      if (head === null) return `no head${target}`;
      return `${head[1]}${target}`;
    });
}
