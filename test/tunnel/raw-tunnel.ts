/** A tunnel through a proxy between two ends that send what they are told. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import {
  type BackendConnection,
  type Connection,
  connect,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
} from '../kit/index.js';
import { SWITCH, UPGRADE } from './raw-frames.js';

const PASS = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

/** A shutdown. */
export interface Over {
  /** Settles when the shutdown is complete. */
  readonly over: Promise<void>;
  isOver(): boolean;
}

/** Begins a shutdown, and waits until it has begun. */
export async function quit(proxy: TestProxy): Promise<Over> {
  let isOver = false;
  const over = proxy.proxy.close({ drain: true }).finally(() => {
    isOver = true;
  });
  await until('nobody is let in any more', () => proxy.proxy.addresses.length === 0);
  return { over, isOver: () => isOver };
}

/** A proxy of one location with these directives. */
export function configuration(port: number, directives: string): string {
  return `
    access_log off;
    server { listen 127.0.0.1:0; location / { ${PASS} proxy_pass http://127.0.0.1:${port}; ${directives} } }`;
}

/** A tunnel between two ends that send what they are told. */
export async function rawTunnel(
  t: TestContext,
  directives: string,
  main: (text: string) => string = (text) => text,
): Promise<{ proxy: TestProxy; client: Connection; upstream: BackendConnection; quit: () => Promise<Over> }> {
  let opened: (connection: BackendConnection) => void = () => {};
  const accepted = new Promise<BackendConnection>((resolve) => {
    opened = resolve;
  });
  const backend = await scriptedBackend(async (connection) => {
    await connection.head();
    connection.send(SWITCH);
    opened(connection);
  });
  const proxy = await startProxy(main(configuration(backend.port, directives)));
  const client = await connect(proxy.port);
  t.after(async () => {
    client.close();
    await proxy.close();
    await backend.close();
  });
  client.send(UPGRADE);
  assert.match(await client.until('\r\n\r\n'), / 101 /);
  return { proxy, client, upstream: await accepted, quit: () => quit(proxy) };
}

/** A client whose upgrade was accepted. */
export async function rawClient(port: number): Promise<Connection> {
  const client = await connect(port);
  client.send(UPGRADE);
  assert.match(await client.until('\r\n\r\n'), / 101 /);
  return client;
}
