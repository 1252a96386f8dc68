// http-proxy-3 set up according to its documentation, with a keep-alive agent. Arguments: port, port of the back end.
import http from 'node:http';
import { createProxyServer } from 'http-proxy-3';

const [port, backEnd] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 512 });
const target = `http://127.0.0.1:${backEnd}`;
const proxy = createProxyServer({ target, agent });
const sockets = createProxyServer({ target, ws: true });
for (const each of [proxy, sockets]) each.on('error', (_error, _request, response) => response.destroy?.());
const server = http.createServer((request, response) => proxy.web(request, response));
server.on('upgrade', (request, socket, head) => sockets.ws(request, socket, head));
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
