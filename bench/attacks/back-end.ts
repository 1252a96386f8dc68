/**
 * A back end for attacks; listens on the port given as its argument. `/…/bytes/N` is answered with N bytes, `/…/drip/N` with
 * N chunks of one byte each at a bounded rate, everything else with `ok` after the whole request body.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

const PIECE = Buffer.alloc(65_536, 'x');
/** Chunks of one byte that are written at once, and the ms between two writes. */
const DRIPPED = Buffer.from('1\r\nx\r\n'.repeat(500));
const DRIP_INTERVAL = 20;

function sendBytes(response: ServerResponse, total: number): void {
  response.setHeader('Content-Length', total);
  let sent = 0;
  const more = (): void => {
    while (sent < total) {
      const piece = PIECE.subarray(0, Math.min(PIECE.length, total - sent));
      sent += piece.length;
      if (!response.write(piece)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

/** Written to the socket directly, because Node would combine the chunks. */
function drip({ socket }: IncomingMessage, total: number): void {
  socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  let left = total;
  const timer = setInterval(() => {
    if (socket.writableLength > 1 << 16) return;
    left -= 500;
    socket.write(left > 0 ? DRIPPED : '0\r\n\r\n');
    if (left <= 0) clearInterval(timer);
  }, DRIP_INTERVAL);
  socket.once('close', () => clearInterval(timer));
}

const server = createServer((request, response) => {
  request.on('error', () => {});
  const [, kind, count] = /\/(bytes|drip)\/(\d+)/.exec(request.url ?? '') ?? [];
  if (kind === 'bytes') sendBytes(response, Number(count));
  else if (kind === 'drip') drip(request, Number(count));
  else request.resume().on('end', () => response.end('ok'));
});
server.keepAliveTimeout = 0;
server.requestTimeout = 0;
server.headersTimeout = 0;
server.maxHeadersCount = 0;
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 }, () => process.send?.('ready'));
