/**
 * A load of TLS handshakes. Arguments: port, number, warm-up. Each connection makes one request and closes; eight are open at
 * a time. Prints `counting` after the warm-up, and `done` at the end.
 */
import tls from 'node:tls';

const [port = 0, count = 1, warmUp = 0] = process.argv.slice(2).map(Number);
// Newer versions of Node would also offer a post-quantum group, which not every peer has.
const secureContext = tls.createSecureContext({ minVersion: 'TLSv1.3', ecdhCurve: 'X25519' });

function one(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      secureContext,
      servername: 'localhost',
      rejectUnauthorized: false,
    });
    socket.once('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    socket.once('data', () => socket.destroy());
    socket.once('error', reject);
    socket.once('close', () => resolve());
  });
}

async function run(handshakes: number): Promise<void> {
  let left = handshakes;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

await run(warmUp);
process.stdout.write('counting\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
await run(count);
process.stdout.write('done\n');
process.exit();
