/** The configurations of conf/examples/, with real back ends and clients. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { WebSocket } from 'ws';
import { checkConfig } from '../../src/index.js';
import { type Authority, connect, createAuthority, startProxy, type TestProxy } from '../kit/index.js';
import { ROOT } from '../structure/sources.js';

/** Texts to replace: addresses by those of the test's back ends, times by shorter ones. */
export type Changes = Readonly<Record<string, string>>;

/** A configuration of conf/examples/ with its listeners at free ports and these changes, all of which must apply. */
export function example(name: string, changes: Changes = {}): string {
  let text = readFileSync(join(ROOT, 'conf/examples', name), 'utf8');
  for (const [from, to] of Object.entries({ ...changes })) {
    assert.ok(text.includes(from), `conf/examples/${name} has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text.replace(/listen (127\.0\.0\.\d):\d+/g, 'listen $1:0');
}

/** Starts an example; its files are below the prefix. */
export async function startExample(
  t: TestContext,
  name: string,
  changes: Changes,
  files: Readonly<Record<string, string>> = {},
): Promise<TestProxy> {
  const proxy = await startProxy(example(name, changes), {}, { files });
  t.after(() => proxy.close());
  const { ok, findings } = checkConfig(example(name, changes), { prefix: proxy.directory });
  const serious = findings.filter(({ severity }) => severity !== 'hint').map(({ message }) => message);
  assert.deepEqual([ok, serious], [true, []]);
  return proxy;
}

/** Codes of the findings of an example with other changes. */
export function codesOf(name: string, changes: Changes): string[] {
  return checkConfig(example(name, changes)).findings.map(({ code }) => code);
}

/** Certificates below `tls/` for these names, and the authority that issued them. */
export function tlsFiles(
  t: TestContext,
  names: readonly string[],
): { authority: Authority; files: Record<string, string> } {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-example-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const authority = createAuthority(directory);
  authority.issue('server', { name: names[0] ?? '', names: names.map((name) => `DNS:${name}`).join(',') });
  const files: Record<string, string> = {};
  for (const file of ['ca.crt', 'server.crt', 'server.key']) files[`tls/${file}`] = authority.read(file);
  return { authority, files };
}

/** Status of the response to a handshake. */
export async function handshakeStatus(port: number, path: string, fields: readonly string[] = []): Promise<number> {
  const client = await connect(port);
  const host = fields.some((line) => line.startsWith('Host:')) ? [] : ['Host: localhost'];
  const lines = [
    `GET ${path} HTTP/1.1`,
    ...host,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
    ...fields,
  ];
  const { status } = await client.send(`${lines.join('\r\n')}\r\n\r\n`).answer();
  client.close();
  return status;
}

/** Code of the Close frame with which a WebSocket ends. */
export function closeCode(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.once('close', resolve));
}
