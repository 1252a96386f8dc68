/** The accept step of `listen … ssl`: selects the server by name, and places its constraints on the requests. */
import { MatchFailed } from '../config/pcre/match-failed.js';
import { validHost } from '../http/host.js';
import { allowsHttp2 } from '../http2/http2-settings.js';
import type { Incoming } from '../net/accept-step.js';
import type { ClientHello } from '../net/client-hello.js';
import { alpnList, type ServerTls } from '../net/tls-engine.js';
import { TlsFileError } from '../net/tls-files.js';
import { internalError, type Refused, TLS_CLIENT, TlsStep, UNRECOGNIZED_NAME } from '../net/tls-step.js';
import { ADMISSION, type Admission, type Refusal } from '../program/admission.js';
import type { Exchange } from '../program/exchange.js';
import type { Compiler } from '../program/module.js';
import type { ListenerProgram, ServerProgram } from '../program/program.js';
import { CLIENT_HELLO } from './client.js';
import { CLIENT_OCSP } from './client-ocsp.js';
import { HandshakeSession } from './handshake-session.js';
import { SERVER_SSL, type ServerSsl } from './server-ssl.js';
import { refusesCertificate } from './verify.js';

const REJECTED: Refused = { alert: UNRECOGNIZED_NAME, level: 'info', message: 'handshake rejected' };
const NAME_FAILED: Refused = internalError(
  'SSL_do_handshake() failed (SSL: error:0A0000E2:SSL routines::clienthello tlsext)',
);
const PLAIN: Refusal = { status: 497, reason: 'client sent plain HTTP request to HTTPS port' };
const MISDIRECTED: Refusal = {
  status: 421,
  reason: 'client attempted to request the server name different from the one that was negotiated',
};

/** A listen address that shares a socket with others, or has its own. */
export interface TlsAddress {
  readonly program: ListenerProgram;
  /** Whether it has the parameter `ssl`. */
  readonly ssl: boolean;
}

/**
 * Creates the step of a socket, or null if none of its addresses uses TLS. `byLocalAddress`: addresses that share the
 * socket with `address`.
 */
export function tlsStep(address: TlsAddress, byLocalAddress: ReadonlyMap<string, TlsAddress> | null): TlsStep | null {
  const of = (local: string): TlsAddress => byLocalAddress?.get(local) ?? address;
  if (!address.ssl && ![...(byLocalAddress?.values() ?? [])].some(({ ssl }) => ssl)) return null;
  return new TlsStep(
    (hello, incoming) => selectByName(of(incoming.localAddress).program, hello, incoming),
    (local) => of(local).ssl,
    (incoming) => incoming.accepted.set(ADMISSION, PLAIN_ADMISSION),
    (incoming) => {
      const { accepted } = incoming;
      if (accepted.get(TLS_CLIENT)?.transport.engine?.getALPNNegotiatedProtocol() === 'h2') incoming.protocol = 'h2';
      return accepted.get(CLIENT_OCSP)?.validate(accepted) ?? null;
    },
  );
}

/** nginx: ngx_http_ssl_servername. */
function selectByName(program: ListenerProgram, hello: ClientHello, incoming: Incoming): ServerTls | Refused {
  const { accepted } = incoming;
  accepted.set(CLIENT_HELLO, hello);
  const { errorLog } = program.defaultServer.base.settings;
  const session = new HandshakeSession(incoming, errorLog);
  const host = hello.serverName === '' ? null : validHost(hello.serverName);
  let server: ServerProgram | null = null;
  try {
    if (host !== null) server = program.names.find(host, session as unknown as Exchange);
  } catch (error) {
    if (error instanceof MatchFailed) return NAME_FAILED;
    throw error;
  }
  session.server = server ?? program.defaultServer;
  accepted.set(ADMISSION, new TlsAdmission(server === null ? '' : (host ?? ''), session));
  const common = sslOf(program.defaultServer);
  const own = server === null ? common : sslOf(server);
  if (own?.rejects === true) return REJECTED;
  // A server without certificates of its own uses those of the default server.
  const ssl = own?.settings == null ? common : own;
  if (ssl?.settings == null || ssl.rejects) return REJECTED;
  if (ssl.ocsp !== null) accepted.set(CLIENT_OCSP, ssl.ocsp);
  try {
    const settings = ssl.settings(session, hello, (common ?? ssl).sessions);
    return allowsHttp2(program, session.server) ? withHttp2(settings) : settings;
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return internalError(error.message);
  }
}

/** Settings of handshakes that offer HTTP/2, by those that do not: servers keep theirs from one handshake to the next. */
const offering = new WeakMap<ServerTls, ServerTls>();

function withHttp2(settings: ServerTls): ServerTls {
  let found = offering.get(settings);
  if (found === undefined) {
    found = { ...settings, alpn: settings.alpn === null ? null : Buffer.concat([alpnList(['h2']), settings.alpn]) };
    offering.set(settings, found);
  }
  return found;
}

function sslOf({ base }: ServerProgram): ServerSsl | null {
  return base.settings.get(SERVER_SSL);
}

const PLAIN_ADMISSION: Admission = {
  server: () => null,
  refusesHost: () => null,
  refuses: () => PLAIN,
};

class TlsAdmission implements Admission {
  constructor(
    /** The name by which the server was selected; empty: none. */
    private readonly name: string,
    private readonly session: HandshakeSession,
  ) {}

  server(program: ListenerProgram): ServerProgram | null {
    if (this.name === '') return null;
    try {
      return program.names.find(this.name, this.session as unknown as Exchange);
    } catch (error) {
      if (error instanceof MatchFailed) return null;
      throw error;
    }
  }

  /** As in nginx, a connection to one server must not be used for another one that verifies clients. */
  refusesHost(host: string, server: ServerProgram): Refusal | null {
    if (this.name === '' || host === this.name) return null;
    const ssl = server.base.settings.get(SERVER_SSL);
    return ssl !== null && ssl.verify !== 'off' ? MISDIRECTED : null;
  }

  refuses(x: Exchange): Refusal | null {
    const ssl = x.location.settings.get(SERVER_SSL);
    return ssl === null || ssl.verify === 'off' ? null : refusesCertificate(x, ssl);
  }
}

/**
 * Fails unless every server that a client of a TLS listener can select has certificates. nginx: ngx_http_ssl_init.
 */
export function requireCertificates(
  { defaultServer, servers }: { readonly defaultServer: ServerProgram; readonly servers: readonly ServerProgram[] },
  compiler: Compiler,
): void {
  if (compiler.observer.simulates) return;
  const own = sslOf(defaultServer);
  if (own?.hasCertificates === true) return;
  const without = (server: ServerProgram): boolean => sslOf(server)?.settings == null;
  const missing = without(defaultServer) ? defaultServer : servers.find(without);
  if (missing === undefined) return;
  const at = missing.base.block?.at ?? null;
  compiler.fail('no "ssl_certificate" is defined for the "listen ... ssl" directive', at);
}
