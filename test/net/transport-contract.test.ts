import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import tls from 'node:tls';
import { memoryPair } from '../../src/net/memory-transport.js';
import { SocketTransport } from '../../src/net/socket-transport.js';
import { takeHandle } from '../../src/net/tls-engine.js';
import { TlsTransport } from '../../src/net/tls-transport.js';
import { certificates, withoutOpenssl } from '../kit/index.js';
import { closing, listening, target } from './sockets.js';
import { type TransportKind, transportContract } from './transport-contract.js';

const directory = mkdtempSync(join(tmpdir(), 'tsproxy-contract-'));
after(() => rmSync(directory, { recursive: true, force: true }));
let serial = 0;

/** Sockets at the given path, or over TCP. */
const sockets = (path: () => string | undefined): TransportKind['connect'] => {
  return async (outgoingOwner, acceptedOwner, early) => {
    const server = await listening(path());
    const connection = once(server, 'connection') as Promise<[net.Socket]>;
    const outgoing = SocketTransport.connect(target(server), outgoingOwner);
    early?.(outgoing);
    const [socket] = await connection;
    return { outgoing, accepted: SocketTransport.adopt(socket, acceptedOwner), close: () => closing(server) };
  };
};

const KINDS: readonly TransportKind[] = [
  { name: 'TCP', resets: true, connect: sockets(() => undefined) },
  { name: 'unix', resets: false, connect: sockets(() => join(directory, `socket-${serial++}`)) },
  {
    name: 'memory',
    resets: true,
    connect: async (outgoingOwner, acceptedOwner, early) => {
      const pair = memoryPair(outgoingOwner, acceptedOwner);
      early?.(pair.outgoing);
      return { ...pair, close: async () => {} };
    },
  },
];

const TLS: TransportKind = {
  name: 'TLS',
  resets: true,
  connect: async (outgoingOwner, acceptedOwner, early) => {
    const authority = certificates();
    const secureContext = tls.createSecureContext({ cert: authority.read('ec.crt'), key: authority.read('ec.key') });
    const server = await listening();
    const connection = once(server, 'connection') as Promise<[net.Socket]>;
    const outgoing = TlsTransport.connect(target(server), outgoingOwner);
    early?.(outgoing);
    const [socket] = await connection;
    const handle = takeHandle(socket);
    assert.ok(handle !== null);
    const settings = {
      secureContext,
      requestCert: false,
      alpn: null,
      maxFragment: 16_384,
      sessions: null,
      ocspResponse: null,
      keyLog: null,
    };
    const accepted = TlsTransport.accept(socket, handle, settings, Buffer.alloc(0), acceptedOwner);
    return { outgoing, accepted, close: () => closing(server) };
  },
};

for (const kind of KINDS) transportContract(kind);
if (withoutOpenssl === false) transportContract(TLS);
