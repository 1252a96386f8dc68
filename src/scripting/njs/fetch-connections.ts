/** Connections of `ngx.fetch` in one location: opened through a proxy or directly, with TLS, and kept for later requests. */
import { Agent } from 'node:http';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { canonicalIp, formatAddress } from '../../config/address.js';
import { errnoText } from '../../diagnostics/errno.js';
import type { PeerCertificate } from '../../net/tls-engine.js';
import type { NameResolver } from '../../program/name-resolver.js';
import { CHAIN_TOO_LONG, intermediates, type VerifyError, verifyErrorOf } from '../../tls/verify-errors.js';
import { ResolveError } from '../../upstream/resolver.js';
import { FetchFailed } from './fetch-failed.js';
import { connectThrough, type FetchProxy } from './fetch-proxy.js';
import type { Target } from './request.js';

/** Proxy and name resolution of a request. */
export interface Hop {
  readonly proxy: FetchProxy | null;
  readonly resolver: { readonly resolver: NameResolver | null; readonly timeout: number };
  readonly log: (message: string) => void;
}

export interface FetchConnectionOptions {
  /** `js_fetch_keepalive`: maximum number of idle connections; 0: each is used once. */
  readonly keepalive: number;
  /** `js_fetch_keepalive_requests`. */
  readonly maxRequests: number;
  /** `js_fetch_keepalive_time`, ms. */
  readonly maxAge: number;
  /** `js_fetch_keepalive_timeout`, ms. */
  readonly idleTimeout: number;
  readonly verifyDepth: number;
  /** The context, created when the first connection needs it. */
  readonly secureContext: () => tls.SecureContext;
}

/** Options of a request that `FetchAgent` understands besides those of Node. */
export interface FetchRequestOptions {
  readonly fetchTarget: Target;
  readonly fetchHop: Hop;
  readonly fetchVerify: boolean;
  /** Aborted when the request has failed. */
  readonly fetchSignal: AbortSignal;
}

export class FetchConnections {
  readonly agent: Agent;

  constructor(readonly options: FetchConnectionOptions) {
    this.agent = new FetchAgent(options);
  }

  get keepsConnections(): boolean {
    return this.options.keepalive > 0;
  }

  /** Closes idle connections. */
  close(): void {
    this.agent.destroy();
  }
}

interface Use {
  /** ms at which the connection was opened, on a monotonic clock. */
  readonly since: number;
  requests: number;
}

/** The part of Node's agent that is documented for subclasses, with more precise types. */
class FetchAgent extends Agent {
  private readonly uses = new WeakMap<object, Use>();
  /** Idle connections, oldest first. */
  private readonly idle = new Set<net.Socket>();

  constructor(private readonly settings: FetchConnectionOptions) {
    super({ keepAlive: settings.keepalive > 0, maxFreeSockets: Number.POSITIVE_INFINITY, scheduling: 'lifo' });
  }

  override getName(options: unknown): string {
    const { fetchTarget, fetchHop, fetchVerify } = options as FetchRequestOptions; // all requests of this agent have them
    const { proxy } = fetchHop;
    const server = [fetchTarget.secure, fetchTarget.host, fetchTarget.port, fetchVerify];
    // A proxy serves all clear-text servers over one connection.
    return JSON.stringify(
      proxy === null ? server : [proxy.host, proxy.port, proxy.authorization, ...(fetchTarget.secure ? server : [])],
    );
  }

  override createConnection(options: unknown, done?: (error: Error | null, socket: Duplex) => void): undefined {
    open(options as FetchRequestOptions, this.settings).then(
      (socket) => {
        this.uses.set(socket, { since: performance.now(), requests: 1 });
        socket.on('timeout', () => {
          if (this.idle.has(socket)) socket.destroy();
        });
        socket.once('close', () => this.idle.delete(socket));
        done?.(null, socket);
      },
      // Node expects no socket together with an error.
      (error: Error) => (done as ((error: Error) => void) | undefined)?.(error),
    );
  }

  override keepSocketAlive(socket: net.Socket): boolean {
    const use = this.uses.get(socket);
    const { maxRequests, maxAge, keepalive, idleTimeout } = this.settings;
    if (use === undefined || use.requests >= maxRequests || performance.now() - use.since > maxAge) return false;
    super.keepSocketAlive(socket);
    const [oldest] = this.idle;
    if (oldest !== undefined && this.idle.size >= keepalive) {
      // Removed here, not when it is closed: further connections may become idle before that.
      this.idle.delete(oldest);
      oldest.destroy();
    }
    this.idle.add(socket);
    socket.setTimeout(idleTimeout);
    return true;
  }

  override reuseSocket(socket: net.Socket, request: Parameters<Agent['reuseSocket']>[1]): void {
    super.reuseSocket(socket, request);
    socket.setTimeout(0);
    this.idle.delete(socket);
    const use = this.uses.get(socket);
    if (use !== undefined) use.requests++;
  }
}

/** Opens a connection to the first address that accepts one. Rejects with FetchFailed. */
async function open(
  { fetchTarget: target, fetchHop: hop, fetchVerify: verify, fetchSignal: signal }: FetchRequestOptions,
  settings: FetchConnectionOptions,
): Promise<net.Socket> {
  const { proxy } = hop;
  const { host, port } = proxy ?? target;
  for (const address of await addressesOf(host, hop, signal)) {
    const socket = await connect(address, port, hop, signal);
    if (socket === null) continue;
    try {
      if (!target.secure) return socket;
      if (proxy !== null) await connectThrough(socket, target, proxy, signal);
      const secured = await secure(socket, target, settings, verify, hop, signal);
      if (secured !== null) return secured;
    } catch (error) {
      socket.destroy();
      throw error;
    }
    socket.destroy();
  }
  throw new FetchFailed('connect failed');
}

async function addressesOf(name: string, { resolver }: Hop, signal: AbortSignal): Promise<readonly string[]> {
  const ip = canonicalIp(name);
  if (ip !== null) return [ip];
  if (resolver.resolver === null) throw new FetchFailed('no resolver defined');
  try {
    return (await resolver.resolver.resolve(name, resolver.timeout, signal)).addresses;
  } catch (error) {
    if (error instanceof ResolveError) {
      throw new FetchFailed(`"${name}" could not be resolved (${error.code}: ${error.text})`);
    }
    throw error;
  }
}

/** Null: the address does not accept a connection, which was logged. */
function connect(host: string, port: number, hop: Hop, signal: AbortSignal): Promise<net.Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true });
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    const failed = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      hop.log(`connect() to ${formatAddress({ host, port })} failed (${errnoText(error)})`);
      resolve(null);
    };
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', failed);
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort);
      socket.off('error', failed);
      // Until a request uses the socket; from then on Node reports errors.
      socket.on('error', () => {});
      resolve(socket);
    });
    if (signal.aborted) abort();
  });
}

/** Null: the handshake failed, or the certificate is not accepted, which was logged. */
function secure(
  socket: net.Socket,
  { host }: Target,
  { secureContext, verifyDepth }: FetchConnectionOptions,
  verify: boolean,
  hop: Hop,
  signal: AbortSignal,
): Promise<tls.TLSSocket | null> {
  const name = host.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const secured = tls.connect({
      socket,
      secureContext: secureContext(),
      // RFC 6066: literal addresses are not permitted.
      servername: net.isIP(name) === 0 ? name : '',
      // Both are checked below, for nginx's messages.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
    });
    const finish = (): void => signal.removeEventListener('abort', abort);
    const abort = (): void => {
      secured.destroy();
      reject(signal.reason);
    };
    const failed = (error: Error): void => {
      finish();
      hop.log(`SSL_do_handshake() failed (SSL: ${error.message}) while SSL handshaking to http target`);
      secured.destroy();
      resolve(null);
    };
    signal.addEventListener('abort', abort, { once: true });
    secured.once('error', failed);
    secured.once('secureConnect', () => {
      finish();
      secured.off('error', failed);
      secured.on('error', () => {});
      const refusal = verify ? refusalOf(secured, name, verifyDepth) : null;
      if (refusal === null) return resolve(secured);
      hop.log(refusal);
      secured.destroy();
      resolve(null);
    });
    if (signal.aborted) abort();
  });
}

/** The log line for a certificate that is not accepted; null if it is. */
function refusalOf(secured: tls.TLSSocket, name: string, verifyDepth: number): string | null {
  const certificate = secured.getPeerCertificate(true) as PeerCertificate;
  // The type is Error, but Node returns the code of OpenSSL.
  const code: unknown = secured.authorized ? null : secured.authorizationError;
  const error: VerifyError | null =
    code !== null && code !== undefined
      ? verifyErrorOf(Object.assign(new Error(String(code)), { code: String(code) }))
      : intermediates(certificate) > verifyDepth
        ? CHAIN_TOO_LONG
        : null;
  if (error !== null) return `js http SSL certificate verify error: (${error.number}:${error.text})`;
  const mismatch = tls.checkServerIdentity(name, certificate as tls.PeerCertificate);
  return mismatch === undefined ? null : `js http SSL certificate does not match "${name}"`;
}
