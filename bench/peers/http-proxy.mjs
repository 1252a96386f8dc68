// http-proxy set up according to its documentation, with a keep-alive agent. Arguments: port, port of the back end.
import http from 'node:http';
import httpProxy from 'http-proxy';

const [port, backEnd] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });
const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${backEnd}`, agent, ws: true });
proxy.on('error', (_error, _request, response) => response.destroy?.());
const server = http.createServer((request, response) => proxy.web(request, response));
server.on('upgrade', (request, socket, head) => {
  // The keep-alive agent must not keep connections that become WebSockets.
  proxy.ws(request, socket, head, { agent: false });
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
