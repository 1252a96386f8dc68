/** The TLS settings of a `server`, compiled from its directives. */
import { createHash } from 'node:crypto';
import type tls from 'node:tls';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ConfOf } from '../../config/directive.js';
import type { Place } from '../../config/place.js';
import type { ClientHello } from '../../net/client-hello.js';
import type { ContextSpec } from '../../net/tls-context.js';
import { TLS_VERSIONS } from '../../net/tls-context.js';
import { alpnList, type ServerTls, type SessionStore } from '../../net/tls-engine.js';
import {
  type CertifiedKey,
  contentOf,
  loadCertificates,
  loadCertifiedKey,
  loadCrls,
  loadPasswords,
  openFailed,
  TlsFileError,
} from '../../net/tls-files.js';
import type { Compiler, Scope } from '../../program/module.js';
import { RESOLVER } from '../../program/name-resolver.js';
import type { Session } from '../../program/session.js';
import { type FileData, fileName, writtenName } from '../../tls/arguments.js';
import { compiledCache, fetchCertifiedKey } from '../../tls/certificate-cache.js';
import { applyCommands } from '../../tls/conf-command.js';
import { compiledContexts, newContext } from '../../tls/contexts.js';
import { compiledKeyLog } from '../../tls/key-log.js';
import type { OcspConnections } from '../../tls/ocsp-responder.js';
import type { ServerSsl, Sessions, Verify } from '../../tls/server-ssl.js';
import { SessionCache, SharedSessionCache } from '../../tls/session-cache.js';
import { fixedKeys, lastingKey, loadTicketKey, rotatingKeys, type TicketKeys } from '../../tls/ticket-keys.js';
import { useCertificate } from '../../tls/used-certificates.js';
import { compileClientOcsp } from './client-ocsp.js';
import type { sslDirectives } from './directives.js';
import { responseOf } from './ocsp-response.js';
import { compileStapling, type StaplingSettings } from './stapling.js';

type Conf = ConfOf<typeof sslDirectives>;
type SettingsOf = NonNullable<ServerSsl['settings']>;

/** Names offered to clients by ALPN, as in nginx. */
const ALPN = alpnList(['http/1.1', 'http/1.0', 'http/0.9']);
/** nginx's default, and maximum, size of a record. */
const MAX_FRAGMENT = 16_384;
const MIN_FRAGMENT = 512;
const TLS_1_3 = 0x0304;
/** OpenSSL's size of a built-in cache (`builtin:0`). */
const DEFAULT_SESSIONS = 20_480;
const NO_SESSIONS: Sessions = { keys: fixedKeys([]), cache: null };

/** The first name of a server; empty for none. */
function firstName({ values }: CheckedBlock): string {
  // The type of `server_name`.
  const lists = values.server_name as readonly (readonly { readonly name: string }[])[] | undefined;
  return lists?.[0]?.[0]?.name ?? '';
}

/** Compiles the TLS settings of a server; fails with nginx's message if a file cannot be used. */
export function compileServerSsl(conf: Conf, { compiler, block, program }: Scope): ServerSsl | null {
  const { ssl_certificate: certificates = [], ssl_certificate_key: keys = [], ssl_reject_handshake: rejects } = conf;
  const last = certificates.at(-1);
  if (last !== undefined && keys.length < certificates.length) {
    const name = typeof last.name === 'string' ? last.name : writtenName(last);
    compiler.fail(`no "ssl_certificate_key" is defined for certificate "${name}"`, last.at);
  }
  const { ssl_verify_client: verify, ssl_verify_depth: verifyDepth, ssl_buffer_size: bufferSize } = conf;
  const { ssl_ecdh_curve: curves, ssl_prefer_server_ciphers: preferServerCiphers } = conf;
  const common = { rejects, hasCertificates: last !== undefined, verify, verifyDepth, curves, preferServerCiphers };
  // Explaining a request needs no certificates.
  if ((last === undefined && !rejects) || compiler.observer.simulates) {
    return verify === 'off' ? null : { ...common, sessions: NO_SESSIONS, ocsp: null, settings: null };
  }
  /** Runs `load`; an error is reported at the directive. */
  const at = <T>(place: Place | null, load: () => T): T => {
    try {
      return load();
    } catch (error) {
      if (error instanceof TlsFileError) return compiler.fail(error.message, place);
      throw error;
    }
  };
  const passwordFile = conf.ssl_password_file;
  const passwords = passwordFile === undefined ? [] : at(passwordFile.at, () => loadPasswords(passwordFile.path));
  const dynamic = [...certificates, ...keys].some(({ name }) => typeof name !== 'string');
  const loaded = dynamic
    ? []
    : certificates.map((certificate, i) => {
        const key = keys[i] as FileData; // as many as certificates
        return at(certificate.at, () => loadCertifiedKey(certificate.name as string, key.name as string, passwords));
      });
  for (const { certificate } of loaded) useCertificate(compiler.shared, certificate, firstName(block));
  const spec = at(block.at, () => specOf(conf, loaded));
  const contexts = compiledContexts(compiler);
  const sessions = at(block.at, () => compileSessions(conf, compiler));
  at(last?.at ?? block.at, () => contexts.get(spec, sessions.keys));
  const connections = (): OcspConnections => ({
    resolver: program.settings.get(RESOLVER),
    errorLog: compiler.errorLog,
  });
  const requestCert = verify !== 'off';
  const ocspResponse = at(conf.ssl_stapling_file?.at ?? null, () => stapledResponse(conf));
  const keyLog = compiledKeyLog(conf.ssl_key_log, compiler);
  const maxFragment = Math.max(MIN_FRAGMENT, Math.min(MAX_FRAGMENT, bufferSize));
  const ocsp = compileClientOcsp(conf, { spec, connections, block, compiler });
  const compiled = { ...common, sessions, ocsp };
  const settingsOf = (context: (spec: ContextSpec, keys: TicketKeys) => tls.SecureContext): SettingsOf => {
    return (_x, hello, { keys: ticketKeys, cache }) => {
      const modern = spec.protocols.includes('TLSv1.3') && hello.offersVersion(TLS_1_3);
      // TLS 1.3 has no other way to resume a session, so that tickets replace the cache.
      const sessionTickets = spec.sessionTickets || (modern && cache !== null);
      return {
        secureContext: context(sessionTickets === spec.sessionTickets ? spec : { ...spec, sessionTickets }, ticketKeys),
        requestCert,
        alpn: ALPN,
        maxFragment,
        sessions: modern ? null : cache,
        ocspResponse,
        keyLog,
      };
    };
  };
  if (!dynamic) {
    const memo = new Memo();
    const settings = settingsOf((each, ticketKeys) => contexts.get(each, ticketKeys));
    const fetched =
      !conf.ssl_stapling || ocspResponse !== null
        ? null
        : compileStapling(spec, staplingOf(conf, connections), compiler);
    if (fetched === null) return { ...compiled, settings: (x, hello, of) => memo.get(x, hello, of, settings) };
    return {
      ...compiled,
      settings: (x, hello, of) => {
        const response = fetched(hello);
        const same = memo.get(x, hello, of, settings);
        return response === null ? same : { ...same, ocspResponse: response };
      },
    };
  }
  const cached = compiledCache(compiler, conf.ssl_certificate_cache);
  const files = certificates.map((certificate, i) => ({
    certificate: fileName(certificate, compiler.template(certificate.name)),
    key: fileName(keys[i] as FileData, compiler.template((keys[i] as FileData).name)), // as many as certificates
  }));
  return {
    ...compiled,
    settings: (x, hello, of) => {
      const pairs = files.map(({ certificate, key }) => fetchCertifiedKey(certificate(x), key(x), passwords, cached));
      return settingsOf((each, ticketKeys) => newContext({ ...each, certificates: pairs }, ticketKeys))(x, hello, of);
    },
  };
}

function staplingOf(conf: Conf, connections: () => OcspConnections): StaplingSettings {
  return { responder: conf.ssl_stapling_responder ?? '', verify: conf.ssl_stapling_verify, connections };
}

/** Settings of a server with constant certificates: one object for clients with TLS 1.3, one for others. */
class Memo {
  private sessions: Sessions | null = null;
  private readonly settings: (ServerTls | null)[] = [null, null];

  get(x: Session, hello: ClientHello, sessions: Sessions, make: SettingsOf): ServerTls {
    if (this.sessions !== sessions) {
      this.sessions = sessions;
      this.settings.fill(null);
    }
    const index = hello.offersVersion(TLS_1_3) ? 1 : 0;
    return (this.settings[index] ??= make(x, hello, sessions));
  }
}

/** `ssl_session_cache`, `ssl_session_ticket_key`. */
function compileSessions(conf: Conf, compiler: Compiler): Sessions {
  const { ssl_session_cache: written, ssl_session_timeout: timeout, ssl_session_ticket_key: files = [] } = conf;
  const { shared, builtin } = written;
  const { secret } = compiler;
  const once = <T>(key: string, make: () => T): T =>
    compiler.shared.get<T>(key) ?? compiler.shared.set(key, compiler.previous?.get<T>(key) ?? make());
  const zone = shared === null ? '' : `${shared.name} ${shared.size} ${timeout}`;
  let keys: TicketKeys;
  if (files.length > 0) {
    const paths = files.map(({ path }) => path);
    // Not from the previous table: the contents may have changed.
    const key = `ticket keys ${paths.join(' ')}`;
    keys = compiler.shared.get(key) ?? compiler.shared.set(key, fixedKeys(paths.map(loadTicketKey)));
  } else if (shared !== null) keys = once(`ticket keys of ${zone}`, () => rotatingKeys(secret, shared.name, timeout));
  else keys = once('ticket key', () => lastingKey(secret));
  let cache: SessionStore | null = null;
  const key = `session cache ${zone}`;
  // One for each table: the zone is kept while any table has it open.
  if (shared !== null) {
    const known = compiler.shared.get<SessionStore>(key);
    cache = known ?? compiler.shared.set(key, new SharedSessionCache(compiler.zones, shared, timeout));
  } else if (typeof builtin === 'number') cache = new SessionCache(builtin || DEFAULT_SESSIONS, timeout);
  return { keys, cache };
}

function specOf(conf: Conf, certificates: readonly CertifiedKey[]): ContextSpec {
  const { ssl_verify_client: verify, ssl_client_certificate: client, ssl_trusted_certificate: trusted } = conf;
  if (verify !== 'off' && verify !== 'optional_no_ca' && isEmpty(client) && isEmpty(trusted)) {
    throw new TlsFileError('no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client');
  }
  const authorities = [verify === 'off' ? undefined : client, trusted].flatMap((file) =>
    file === undefined || file.path === '' ? [] : loadCertificates(file.path).blocks,
  );
  const crls = isEmpty(conf.ssl_crl) ? [] : loadCrls(conf.ssl_crl?.path ?? '');
  const spec: ContextSpec = {
    certificates,
    // Node would send the name of one that is repeated twice.
    trusted: [...new Set(authorities)],
    crls,
    protocols: TLS_VERSIONS.filter((each) => (conf.ssl_protocols as readonly string[]).includes(each)),
    ciphers: conf.ssl_ciphers,
    suites: null,
    curves: conf.ssl_ecdh_curve,
    signatureAlgorithms: null,
    dhparam: isEmpty(conf.ssl_dhparam) ? null : loadDhparam(conf.ssl_dhparam?.path ?? ''),
    preferServerCiphers: conf.ssl_prefer_server_ciphers,
    options: 0,
    sessionTimeout: conf.ssl_session_timeout,
    sessionTickets: conf.ssl_session_tickets,
    ticketKeys: null,
    sessionIdContext: '',
  };
  const adjusted = applyCommands(spec, conf.ssl_conf_command ?? []);
  return { ...adjusted, sessionIdContext: sessionContext(adjusted, verify) };
}

/** As in nginx, sessions are only resumed by servers with the same certificates and authorities. */
function sessionContext({ certificates, trusted }: ContextSpec, verify: Verify): string {
  const hash = createHash('sha256').update(`HTTP ${verify} `);
  for (const { certificate } of certificates) hash.update(certificate.pem);
  for (const block of trusted) hash.update(block);
  return hash.digest('hex').slice(0, 32);
}

/** The response of `ssl_stapling_file`; null without one, or if stapling is off. */
function stapledResponse({ ssl_stapling: on, ssl_stapling_file: file }: Conf): Buffer | null {
  if (!on || file === undefined || file.path === '') return null;
  let content: string;
  try {
    content = contentOf(file.path);
  } catch (error) {
    throw new TlsFileError(
      openFailed(`BIO_new_file("${file.path}")`, file.path, error, 'rb').replace('")() failed', '") failed'),
    );
  }
  const response = responseOf(Buffer.from(content, 'latin1'));
  if (response === null) {
    const reason = 'error:0680008E:asn1 encoding routines::not enough data';
    throw new TlsFileError(`d2i_OCSP_RESPONSE_bio("${file.path}") failed (SSL: ${reason})`);
  }
  return response;
}

function isEmpty(file: { readonly path: string } | undefined): boolean {
  return file === undefined || file.path === '';
}

function loadDhparam(path: string): { path: string; pem: string } {
  let pem: string;
  try {
    pem = contentOf(path);
  } catch (error) {
    throw new TlsFileError(openFailed(`BIO_new_file("${path}")`, path, error).replace('")() failed', '") failed'));
  }
  if (pem.includes('-----BEGIN DH PARAMETERS-----')) return { path, pem };
  const reason = 'error:0480006C:PEM routines::no start line:Expecting: DH PARAMETERS';
  throw new TlsFileError(`PEM_read_bio_DHparams("${path}") failed (SSL: ${reason})`);
}
