import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { called, listening, startRecipe } from './kit.js';

const require = createRequire(import.meta.url);

interface Broker {
  handle(socket: Socket): void;
  close(done: () => void): void;
}
interface Client {
  on(event: string, listener: (...args: Buffer[]) => void): void;
  subscribe(topic: string, done: () => void): void;
  publish(topic: string, message: Buffer, options: object): void;
  end(force: boolean, options: object, done: () => void): void;
}
const mqtt = require('mqtt') as { connect: (url: string, options: object) => Client };

test('MQTT: clients publish to each other over WebSockets', async (t) => {
  const { Aedes } = (await import('aedes')) as unknown as { Aedes: { createBroker(): Promise<Broker> } };
  const broker = await Aedes.createBroker();
  t.after(() => new Promise<void>((resolve) => broker.close(resolve)));
  const tcp = createTcpServer(broker.handle);
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  t.after(() => void tcp.close());
  const { port } = tcp.address() as AddressInfo;
  const server = createServer();
  const sockets = new WebSocketServer({ server, path: '/mqtt', handleProtocols: () => 'mqtt' });
  // The streams of `ws` do not work with this broker in Node 26.
  sockets.on('connection', (socket) => {
    const stream = connect(port, '127.0.0.1');
    stream.on('data', (bytes) => socket.send(bytes));
    stream.on('error', () => socket.terminate());
    stream.on('close', () => socket.close());
    socket.on('message', (data) => stream.write(data as Buffer));
    socket.on('close', () => stream.destroy());
  });
  const proxy = await startRecipe(t, 'MQTT over WebSocket', await listening(t, server));
  const connected = async (clientId: string): Promise<Client> => {
    const client = mqtt.connect(`ws://127.0.0.1:${proxy.port}/mqtt`, { clientId, reconnectPeriod: 0 });
    t.after(() => new Promise<void>((resolve) => client.end(true, {}, resolve)));
    await called('the connection', (callback) => client.on('connect', callback));
    return client;
  };
  const [subscriber, publisher] = await Promise.all([connected('a'), connected('b')]);
  await called<[]>('the subscription', (callback) => subscriber.subscribe('news/#', callback));
  for (const message of [Buffer.from('hello'), Buffer.alloc(300_000, 7)]) {
    const received = called<Buffer[]>('the message', (callback) => subscriber.on('message', callback));
    publisher.publish('news/today', message, { qos: 1 });
    const [topic, payload] = await received;
    assert.equal(String(topic), 'news/today');
    assert.equal(payload?.equals(message), true);
  }
  assert.deepEqual(proxy.messages('error'), []);
});
