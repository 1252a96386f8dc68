/** TLS of connections to upstreams, with the settings of one location. */
import { createHash } from 'node:crypto';
import net from 'node:net';
import type tls from 'node:tls';
import { type ContextSpec, createContext } from '../net/tls-context.js';
import { TlsFileError } from '../net/tls-files.js';
import type { TlsTarget } from '../net/tls-sockets.js';
import { TlsTransport } from '../net/tls-transport.js';
import type { ConnectTarget, Transport, TransportOwner } from '../net/transport.js';
import type { Session } from '../program/session.js';
import type { Template } from '../program/template.js';
import { isInline } from './arguments.js';
import { type CertificateCache, fetchCertifiedKey } from './certificate-cache.js';
import type { Contexts } from './contexts.js';
import { CHAIN_TOO_LONG, intermediates, verifyErrorOf } from './verify-errors.js';

/** Maximum number of identities of a location, sessions of an identity, and contexts of certificates with variables. */
const MAX_IDENTITIES = 1000;
const MAX_SESSIONS = 1000;
const MAX_CONTEXTS = 100;
/** Maximum length of a server name, in OpenSSL. */
const MAX_NAME = 255;

/** A client certificate whose name, or that of its key, has variables. Names are evaluated for each request. */
export interface VariableCertificate {
  readonly certificate: (x: Session) => string;
  readonly key: (x: Session) => string;
  readonly passwords: readonly string[];
  readonly cache: CertificateCache | null;
}

/** The part of the settings that locations with the same directives share. */
export interface ClientContext {
  /** Settings of all connections; without a certificate that has variables. */
  readonly spec: ContextSpec;
  readonly secureContext: tls.SecureContext;
  /** Differs between different settings. */
  readonly key: string;
}

/** Creates the context of some settings. Throws TlsFileError if OpenSSL refuses them. */
export function clientContext(spec: ContextSpec, contexts: Contexts): ClientContext {
  return { spec, secureContext: contexts.get(spec), key: digest(JSON.stringify(spec)) };
}

export interface UpstreamTlsOptions {
  readonly context: ClientContext;
  readonly verify: boolean;
  readonly verifyDepth: number;
  /** Whether the name is sent to the server (SNI). */
  readonly sendsName: boolean;
  /** Name of the server; null: the host of the target. */
  readonly name: Template | null;
  readonly certificate: VariableCertificate | null;
  readonly reusesSessions: boolean;
  /** Protocols for ALPN; empty: the extension is not sent. */
  readonly alpn: readonly string[];
  /** Receives lines in the format of NSS key logs; null: keys are not logged. */
  readonly keyLog: ((line: Buffer) => void) | null;
}

export class UpstreamTls {
  private readonly identities = new Map<string, TlsIdentity>();
  private readonly contexts = new Map<string, tls.SecureContext>();
  /** Begins all identities: equal settings of several locations have equal identities. */
  private readonly settingsKey: string;

  constructor(readonly options: UpstreamTlsOptions) {
    const { context, verify, verifyDepth, sendsName, alpn } = options;
    this.settingsKey = JSON.stringify([context.key, verify, verifyDepth, sendsName, alpn]);
  }

  /** Identity of the connections for a request. `host`: host of the target, which may have a port. */
  identity(x: Session, host: string): TlsIdentity {
    const { options } = this;
    const name = options.sendsName || options.verify ? serverName(options.name?.of(x) ?? host) : '';
    const file = options.certificate?.certificate(x) ?? '';
    if (file === '') return this.identityOf(name, '', '');
    return this.identityOf(name, file, options.certificate?.key(x) ?? '');
  }

  private identityOf(name: string, file: string, keyFile: string): TlsIdentity {
    const { identities } = this;
    const key = file === '' ? name : JSON.stringify([name, file, keyFile]);
    let identity = identities.get(key);
    if (identity === undefined) {
      // Data of certificates is not kept in keys.
      const certificate = [file, keyFile].map((each) => (isInline(each) ? digest(each) : each));
      const full = this.settingsKey + JSON.stringify([name, ...certificate]);
      identity = new TlsIdentity(this, full, name, file, keyFile);
      if (identities.size >= MAX_IDENTITIES) removeFirst(identities);
      identities.set(key, identity);
    }
    return identity;
  }

  /** Context with a certificate; loads its files. Throws TlsFileError. */
  contextOf(file: string, keyFile: string): tls.SecureContext {
    const { certificate, context: shared } = this.options;
    if (file === '' || certificate === null) return shared.secureContext;
    const pair = fetchCertifiedKey(file, keyFile, certificate.passwords, certificate.cache);
    const key = digest(`${pair.certificate.pem}\n${pair.key}`);
    let context = this.contexts.get(key);
    if (context === undefined) {
      context = createContext({ ...shared.spec, certificates: [pair] });
      if (this.contexts.size >= MAX_CONTEXTS) this.contexts.clear();
      this.contexts.set(key, context);
    }
    return context;
  }
}

/** Removes the oldest entry. */
function removeFirst(map: Map<string, unknown>): void {
  const [first] = map.keys();
  if (first !== undefined) map.delete(first);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** Removes a port from a name. nginx: ngx_http_upstream_ssl_name. */
function serverName(host: string): string {
  const name = host.startsWith('unix:') ? host.slice(5) : host;
  const bracket = name.startsWith('[') ? name.indexOf(']') : -1;
  const colon = name.indexOf(':', Math.max(bracket, 0));
  return colon < 0 ? name : name.slice(0, colon);
}

/** Connections that requests may share: equal settings, server name and client certificate. */
export class TlsIdentity {
  /** Name sent by SNI; empty for a literal address, which RFC 6066 does not permit. */
  private readonly servername: string;
  /** Sessions for resumption, by address, oldest first. */
  private readonly sessions = new Map<string, Buffer>();

  constructor(
    private readonly owner: UpstreamTls,
    readonly key: string,
    /** Name that the certificate must have. */
    private readonly name: string,
    private readonly file: string,
    private readonly keyFile: string,
  ) {
    const sent = owner.options.sendsName && name !== '' && !name.startsWith('[') && net.isIP(name) === 0;
    this.servername = sent ? name : '';
  }

  /** Opens a connection; `onConnected` follows the handshake. Throws TlsFileError if name or certificate cannot be used. */
  readonly connect = (target: ConnectTarget, owner: TransportOwner): Transport => {
    const { options } = this.owner;
    if (this.servername.length > MAX_NAME) {
      const reason = 'error:0A00013F:SSL routines::ssl3 ext invalid servername';
      throw new TlsFileError(`SSL_set_tlsext_host_name("${this.servername}") failed (SSL: ${reason})`);
    }
    const address = 'path' in target ? target.path : `${target.host}:${target.port}`;
    const session = options.reusesSessions ? this.sessions.get(address) : undefined;
    const secured: TlsTarget = {
      ...target,
      secureContext: this.owner.contextOf(this.file, this.keyFile),
      servername: this.servername,
      ...(session !== undefined && { session }),
      ...(options.alpn.length > 0 && { ALPNProtocols: [...options.alpn] }),
    };
    const transport = TlsTransport.connect(secured, owner);
    const { tlsSocket } = transport;
    if (options.reusesSessions) {
      tlsSocket.on('session', (received: Buffer) => {
        // A session of TLS 1.2 is received before the certificate was verified.
        if (transport.secured) this.keep(address, received);
        else tlsSocket.once('secureConnect', () => setImmediate(() => this.keepIfOpen(transport, address, received)));
      });
    }
    if (options.keyLog !== null) tlsSocket.on('keylog', options.keyLog);
    return transport;
  };

  private keepIfOpen(transport: TlsTransport, address: string, session: Buffer): void {
    if (!transport.closing) this.keep(address, session);
  }

  private keep(address: string, session: Buffer): void {
    const { sessions } = this;
    sessions.delete(address);
    if (sessions.size >= MAX_SESSIONS) removeFirst(sessions);
    sessions.set(address, session);
  }

  /** Verifies the certificate of a new connection; returns nginx's message if it must not be used, else null. */
  readonly refusal = (transport: Transport): string | null => {
    const { verify, verifyDepth } = this.owner.options;
    if (!verify || !(transport instanceof TlsTransport)) return null;
    const { engine, tlsSocket } = transport;
    const error = engine?.verifyError() ?? null;
    let failure = error === null ? null : verifyErrorOf(error);
    // A session of this identity was kept after its certificate was accepted; Node has no chain for it.
    if (failure === null && engine?.isSessionReused() === true) return null;
    const certificate = engine?.getPeerCertificate(true);
    if (failure === null && certificate !== undefined && intermediates(certificate) > verifyDepth)
      failure = CHAIN_TOO_LONG;
    if (failure !== null) return `upstream SSL certificate verify error: (${failure.number}:${failure.text})`;
    if (this.name !== '' && tlsSocket.getPeerX509Certificate()?.checkHost(this.name) !== undefined) return null;
    return `upstream SSL certificate does not match "${this.name}"`;
  };
}
