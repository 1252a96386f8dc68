// fast-proxy set up according to its documentation, without upgrades. Arguments: port, port of the back end.
import http from 'node:http';
import fastProxy from 'fast-proxy';

const [port, backEnd] = process.argv.slice(2);
const { proxy } = fastProxy({
  base: `http://127.0.0.1:${backEnd}`,
  http: { agents: { 'http:': new http.Agent({ keepAlive: true, maxSockets: 512 }) } },
});
http
  .createServer((request, response) => proxy(request, response, request.url, {}))
  .listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
