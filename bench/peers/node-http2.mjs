// The least that forwards HTTP/2 requests with node:http2. Arguments: port, port of the back end, and files of a certificate and
// its key for TLS.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';

const [port, backEnd, cert, key] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });
const NOT_FORWARDED = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

function forward(stream, headers) {
  const { ':method': method, ':path': path, ':authority': authority, ...fields } = headers;
  for (const name of Object.keys(fields)) if (name.startsWith(':')) delete fields[name];
  const request = http.request({
    agent,
    host: '127.0.0.1',
    port: Number(backEnd),
    method,
    path,
    headers: { ...fields, host: authority },
  });
  request.on('response', (response) => {
    const answer = { ':status': response.statusCode };
    for (const [name, value] of Object.entries(response.headers)) if (!NOT_FORWARDED.has(name)) answer[name] = value;
    if (stream.destroyed) return;
    stream.respond(answer);
    response.pipe(stream);
  });
  request.on('error', () => stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR));
  stream.on('error', () => request.destroy());
  if (method === 'GET' || method === 'HEAD') request.end();
  else stream.pipe(request);
}

const settings = { maxConcurrentStreams: 128 };
const server =
  cert === undefined
    ? http2.createServer({ settings })
    : http2.createSecureServer({ settings, cert: readFileSync(cert), key: readFileSync(key) });
server.on('stream', forward);
server.on('sessionError', () => {});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
