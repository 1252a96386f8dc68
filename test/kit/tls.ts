/** TLS clients for tests. */
import { once } from 'node:events';
import tls from 'node:tls';
import { certificates } from './certificates.js';
import { Connection } from './connection.js';

/** Connects with TLS; certificates of the test authority are trusted, and verified unless the options differ. */
export async function connectTls(
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<Connection & { socket: tls.TLSSocket }> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    ca: certificates().read('ca.crt'),
    servername: 'localhost',
    ...options,
  });
  const connection = new Connection(socket);
  await once(socket, 'secureConnect');
  return connection as Connection & { socket: tls.TLSSocket };
}

/** Name of the certificate that a server presents for a server name. */
export async function certificateFor(
  port: number,
  servername: string,
  options: tls.ConnectionOptions = {},
): Promise<string> {
  const { socket } = await connectTls(port, { servername, rejectUnauthorized: false, ...options });
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN as string;
}
