/** One program with a site: starts it, and collects its answers and the bytes that reach the back end. */
import { answerLength, type Connection, connect, connectTls } from '../../test/kit/index.js';
import { bytes } from '../../test/oracle/cases/request.js';
import type { Reaction } from '../../test/oracle/oracle.js';
import type { RecordingBackEnd } from './recording-back-end.js';
import type { SiteRequest } from './site.js';

/** A masked frame of a client; its key is zero, so that the payload is legible. */
function frame(opcode: number, payload: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]),
    Buffer.from(payload, 'latin1'),
  ]);
}
const TEXT = 1;
const CLOSE = 8;

function bytesOf({ line, host, fields = [], body = '' }: SiteRequest): string {
  const framed = body === '' || fields.some((field) => /^transfer-encoding:/i.test(field));
  return bytes(line, [`Host: ${host}`, ...fields, ...(framed ? [] : [`Content-Length: ${body.length}`])], body);
}

function open(request: SiteRequest, port: number, authority: string): Promise<Connection> {
  if (request.scheme === 'http') return connect(port);
  return connectTls(port, {
    servername: request.host.replace(/:\d+$/, ''),
    ALPNProtocols: ['http/1.1'],
    ca: authority,
    rejectUnauthorized: false,
  });
}

/** Name of the certificate, and the version of TLS. */
function session(connection: Connection): string {
  const socket = connection.socket as import('node:tls').TLSSocket;
  return 'getCipher' in socket ? `${socket.getProtocol()} ${socket.getCipher().name}` : 'plain';
}

/** Carries out a request; an error of the connection is the answer. */
export async function react(
  request: SiteRequest,
  port: number,
  authority: string,
  backEnd: RecordingBackEnd,
): Promise<Reaction> {
  backEnd.take();
  const answers: string[] = [];
  try {
    const connection = await open(request, port, authority);
    answers.push(session(connection));
    try {
      const { reader } = connection;
      const method = /^\S*/.exec(request.line)?.[0] ?? '';
      connection.send(bytesOf(request));
      const answer = await reader.take(
        'an answer',
        (pending) => (pending.startsWith('HTTP/') ? answerLength(pending, method, reader.ended) : undefined),
        'take',
      );
      answers.push(answer);
      if (request.webSocket === true && answer.startsWith('HTTP/1.1 101')) {
        connection.send(frame(TEXT, 'message'));
        answers.push(await reader.until('echo message'));
        connection.send(frame(CLOSE, '\x03\xe8'));
        answers.push(await reader.all());
      }
    } finally {
      connection.close();
    }
  } catch (error) {
    answers.push(`error ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
  await backEnd.idle();
  return { answers, forwarded: backEnd.take() };
}
