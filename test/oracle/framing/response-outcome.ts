/** Outcome of a back end's bytes: the message that reaches the client, and whether the connections are used again. */
import { setTimeout as after, setImmediate as turn } from 'node:timers/promises';
import type { Connection } from '../../kit/index.js';
import { OWN_PAGE, type Passed } from './compare.js';
import { type Message, readMessage } from './message.js';
import { connected, type Kind, pieces, type Side, type Way, writePieces } from './sides.js';

/** Bytes of a back end. */
export interface ResponseCase {
  readonly name: string;
  readonly send: string;
  /** The back end stays silent behind the bytes, which are a whole answer; otherwise it ends the connection. */
  readonly stays: boolean;
  /** Of the request; GET. */
  readonly method?: string;
  /** Further field lines of the request. */
  readonly fields?: readonly string[];
  /** Of the request; 1.1. */
  readonly version?: string;
}

export interface ResponseGroup {
  readonly name: string;
  readonly cases: readonly ResponseCase[];
}

export interface ResponseOutcome extends Passed {
  /** How the connections went on. */
  readonly answers: readonly string[];
}

const PROBE = 'GET /probe HTTP/1.1\r\nHost: first\r\nConnection: close\r\n\r\n';

/** Milliseconds behind the bytes of a back end after which nginx has nothing more to say. */
const SILENCE = 500;

/** Fields that a proxy adds in its own name or its own time. */
const OWN = /^(date|server|connection|keep-alive): /;

/**
 * Asks for the answer, and then once more: on the same connection where it was kept. Whether the back end sees the second
 * request on the same connection shows whether that was kept, too.
 */
export async function responseOutcome(side: Side, kind: Kind, each: ResponseCase, way: Way): Promise<ResponseOutcome> {
  const elsewhere = side.name === 'nginx';
  const { method = 'GET', version = '1.1' } = each;
  let sent = (): void => {};
  const done = new Promise<void>((resolve) => {
    sent = resolve;
  });
  side.recorder.script = {
    target: '/case',
    run: async (send, end) => {
      await writePieces(send, pieces(each.send, way), side.pause);
      if (!each.stays) end();
      sent();
    },
  };
  const lines = [`${method} /case HTTP/${version}`, 'Host: first', ...(each.fields ?? [])];
  return connected(side, kind, async (connection) => {
    connection.send(`${lines.join('\r\n')}\r\n\r\n`);
    // nginx takes an interim answer for the last one and keeps the client waiting, which a client cannot know.
    void done.then(() => {
      if (elsewhere) setTimeout(() => connection.close(), SILENCE).unref();
    });
    const first = await readAnswer(connection, method);
    await done;
    // Time to notice what came behind the answer.
    for (let i = 0; i < 3; i++) await (elsewhere ? after(side.pause) : turn());
    const kept = !connection.reader.ended && first !== null && first.complete && first.fault === '';
    const second = kept
      ? await readAnswer(connection.send(PROBE), 'GET')
      : await connected(side, kind, (another) => readAnswer(another.send(PROBE), 'GET'));
    const records = await side.recorder.take();
    side.recorder.script = null;
    const [two, one] = records.reverse().map((record) => record.connection);
    const messages = [first, second].filter((message) => message !== null);
    return {
      received: messages.filter(({ complete, fault }) => complete || fault !== ''),
      begun: messages.filter(({ complete, fault }) => !complete && fault === ''),
      silent: first === null,
      answers: [`client ${kept ? 'kept' : 'closed'}`, `back end ${one === two ? 'kept' : 'closed'}`],
    };
  });
}

/** Reads the next answer, interim ones before it left out. Null where the connection ends without one. */
async function readAnswer({ reader }: Connection, method: string): Promise<Message | null> {
  let found: Message | null = null;
  await reader.take(
    'an answer',
    (pending) => {
      let from = 0;
      for (;;) {
        const read = readMessage(pending, from, { method, ended: reader.ended });
        if (read === undefined) return undefined;
        const { message, end } = read;
        if (message.complete && /^HTTP\/1\.1 1(?!01)\d\d /.test(message.start)) {
          from = end;
          continue;
        }
        found = message;
        return message.complete || message.fault !== '' ? end : undefined;
      }
    },
    'take',
  );
  return found === null ? null : comparable(found);
}

/** Without what is a proxy's own: names, dates, and the text of its pages. */
function comparable(message: Message): Message {
  // No back end here says 502; an answer to HEAD has no text by which it could be told.
  const page = message.start.startsWith('HTTP/1.1 502') || /<center>(nginx|tsproxy)[^<]*<\/center>/.test(message.body);
  return {
    ...message,
    fields: message.fields.filter((line) => !OWN.test(line)),
    body: page ? OWN_PAGE : message.body,
  };
}
