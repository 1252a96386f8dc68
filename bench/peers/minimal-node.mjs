// The least that a proxy on Node's sockets does: the system calls of a proxy (two reads, two writes per request), and no parsing, no
// checks, no timeouts, no reuse of connections. Its cost is the limit that is left for improvements. Arguments: port, port of the back
// end.
import net from 'node:net';

const [port, backEnd] = process.argv.slice(2);

function relay(from, to) {
  from.on('data', (chunk) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}

net
  .createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = net.connect({ port: Number(backEnd), host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    relay(client, upstream);
    relay(upstream, client);
  })
  .listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
