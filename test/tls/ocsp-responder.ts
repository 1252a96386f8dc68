/** An OCSP responder for tests: answers with `openssl ocsp`. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Authority } from '../kit/index.js';

/** How requests are answered. */
export interface Answering {
  /** Certificate and key that sign responses; default: those of the authority. */
  signer?: string;
  /** Responds with this instead of an OCSP response. */
  instead?: { readonly status: number; readonly type: string; readonly body: string };
  /** Makes the response; default: `openssl ocsp` with the signer. */
  respond?: (request: Buffer) => Promise<Buffer>;
  /** Never responds. */
  silent?: boolean;
}

export interface TestResponder {
  readonly port: number;
  readonly url: string;
  /** DER of the requests. */
  readonly requests: Buffer[];
  /** Heads of the requests: `GET /path host`. */
  readonly heads: string[];
  readonly answering: Answering;
  close(): void;
}

/** A signed response to a request. */
export async function respond(authority: Authority, request: Buffer, signer = authority.own): Promise<Buffer> {
  const { directory, own } = authority;
  const name = `ocsp-${process.pid}-${Math.random().toString(36).slice(2)}`;
  const [input, output] = [join(directory, `${name}.req`), join(directory, `${name}.resp`)];
  writeFileSync(input, request);
  await new Promise((resolve) => {
    const signing = ['-rsigner', `${signer}.crt`, '-rkey', `${signer}.key`];
    const words = ['ocsp', '-index', `${own}.index`, '-CA', `${own}.crt`, ...signing, '-ndays', '1'];
    execFile('openssl', [...words, '-reqin', input, '-respout', output], { cwd: directory }, resolve);
  });
  return readFileSync(output);
}

export async function startResponder(authority: Authority, answering: Answering = {}): Promise<TestResponder> {
  const requests: Buffer[] = [];
  const heads: string[] = [];
  const server = http.createServer(async ({ method, url = '', headers }, answer) => {
    const der = Buffer.from(decodeURIComponent(url.slice(url.lastIndexOf('/') + 1)), 'base64');
    requests.push(der);
    heads.push(`${method} ${url.slice(0, url.lastIndexOf('/') + 1)} ${headers.host}`);
    if (answering.silent === true) return;
    if (answering.instead !== undefined) {
      const { status, type, body } = answering.instead;
      answer.writeHead(status, type === '' ? {} : { 'Content-Type': type }).end(body);
      return;
    }
    const body = await (answering.respond?.(der) ?? respond(authority, der, answering.signer));
    answer.writeHead(200, { 'Content-Type': 'application/ocsp-response' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}/ocsp`,
    requests,
    heads,
    answering,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
