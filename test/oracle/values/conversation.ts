/** Carries out the steps of a scenario against one side. */
import { type AddressInfo, createServer } from 'node:net';
import { Connection, connect, until } from '../../kit/index.js';

/** One step; the next begins when it is done. `gets` waits for bytes, `closed` for the end of the connection. */
export type Step =
  | readonly [who: 'client' | 'backend', does: 'sends' | 'gets', text: string]
  | readonly [who: 'client' | 'backend', does: 'ends' | 'resets' | 'closed'];

/** A back end that does nothing but what a conversation has it do. */
export interface SilentBackend {
  readonly port: number;
  /** Its connections, in the order in which they came. */
  readonly connections: Connection[];
  close(): Promise<void>;
}

export async function silentBackend(): Promise<SilentBackend> {
  const connections: Connection[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // A reset is one of the things that are to happen.
    socket.on('error', () => {});
    connections.push(new Connection(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    close: () => {
      for (const connection of connections) connection.close();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Returns what the client received. */
export async function converse(steps: readonly Step[], port: number, backend: SilentBackend): Promise<string> {
  const client = await connect(port);
  client.socket.on('error', () => {});
  const { connections } = backend;
  const before = connections.length;
  let received = '';
  const party = async (who: Step[0]): Promise<Connection> => {
    if (who === 'client') return client;
    await until('the back end is asked', () => connections.length > before);
    return connections.at(-1) as Connection; // there is one
  };
  try {
    for (const [who, does, text = ''] of steps) {
      const connection = await party(who);
      if (does === 'sends') connection.send(text);
      else if (does === 'ends') connection.end();
      else if (does === 'resets') connection.reset();
      else {
        const bytes = does === 'gets' ? await connection.until(text) : await connection.all();
        if (who === 'client') received += bytes;
      }
    }
    return received;
  } finally {
    client.close();
    for (const connection of connections.slice(before)) connection.close();
  }
}
