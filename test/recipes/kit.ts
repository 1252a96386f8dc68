/** The recipes of docs/websocket.md, with real back ends. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startProxy, type TestProxy } from '../kit/index.js';
import { ROOT } from '../structure/sources.js';

/** The configuration of a recipe: the block below its heading. */
export function recipe(heading: string): string {
  const text = readFileSync(join(ROOT, 'docs/websocket.md'), 'utf8');
  const [, section = ''] = text.split(`\n### ${heading}\n`);
  const [, block] = /^```nginx\n(.*?)^```$/ms.exec(section) ?? [];
  if (block === undefined) throw new Error(`docs/websocket.md has no configuration below "${heading}"`);
  return block;
}

/** An HTTP server on a free port, whose connections end with the test. */
export async function listening(t: TestContext, server: Server = createServer()): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

/** Starts the configuration of a recipe before servers that replace those at ports 3001 and 3002. */
export async function startRecipe(t: TestContext, heading: string, ...ports: number[]): Promise<TestProxy> {
  let text = recipe(heading).replace('127.0.0.1:8080', '127.0.0.1:0');
  ports.forEach((port, i) => {
    text = text.replaceAll(`127.0.0.1:300${i + 1}`, `127.0.0.1:${port}`);
  });
  if (/127\.0\.0\.1:300\d/.test(text)) throw new Error(`a server of "${heading}" has no replacement`);
  const proxy = await startProxy(text);
  t.after(() => proxy.close());
  return proxy;
}

/** Resolves with the arguments of a callback; rejects after 20 s. */
export function called<A extends unknown[]>(what: string, start: (callback: (...args: A) => void) => void): Promise<A> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited 20 s for ${what}`)), 20_000);
    start((...args) => {
      clearTimeout(timer);
      resolve(args);
    });
  });
}
