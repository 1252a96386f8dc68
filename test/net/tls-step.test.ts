import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Accepted, type Incoming, REFUSED } from '../../src/net/accept-step.js';
import type { AcceptedSocket } from '../../src/net/accepted-socket.js';
import { TlsStep } from '../../src/net/tls-step.js';
import { collectGarbage } from '../kit/index.js';

/** The members of a handle that the step uses. */
class Handle {
  bytesRead = 0;
  onread: () => void = () => {};
  useUserBuffer(): void {}
  readStart(): void {}
  readStop(): void {}
}

/** Begins a handshake whose client disconnects after some bytes. Returns a reference to the connection. */
function begin(handle: Handle, leave: (connection: { destroy(): void }) => void): WeakRef<Incoming> {
  const unused = (): never => assert.fail('there is no ClientHello');
  const step = new TlsStep(unused, () => true, unused, unused);
  const socket = { _handle: handle, destroy() {} } as unknown as AcceptedSocket; // all that is used before the handshake
  const incoming: Incoming = {
    accepted: new Accepted(1, 0),
    remoteAddress: '127.0.0.1',
    localAddress: '127.0.0.1:443',
    protocol: '',
    proceed: unused,
    refuse: () => {
      connection.destroy();
      return REFUSED;
    },
  };
  const connection = step.wrap(socket, Buffer.from([22, 3, 1, 2, 0]), incoming);
  leave(connection);
  return new WeakRef(incoming);
}

test('a handle that outlives its connection does not retain it if the ClientHello was incomplete', async () => {
  const left = new Handle();
  const destroyed = new Handle();
  const connections = [begin(left, () => left.onread()), begin(destroyed, (connection) => connection.destroy())];
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  assert.deepEqual(
    connections.map((connection) => connection.deref()),
    [undefined, undefined],
  );
  assert.equal(typeof left.onread, 'function', 'the handles are still there');
  assert.equal(typeof destroyed.onread, 'function');
});
