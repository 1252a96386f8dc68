/** The TLS settings of a `server`, compiled from its directives. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ConfOf } from '../../config/directive.js';
import type { Place } from '../../config/place.js';
import type { ContextSpec } from '../../net/tls-context.js';
import { createContext, PROTOCOLS } from '../../net/tls-context.js';
import type { ServerTls } from '../../net/tls-engine.js';
import {
  type CertifiedKey,
  loadCertificates,
  loadCertifiedKey,
  loadCrls,
  loadPasswords,
  openFailed,
  TlsFileError,
} from '../../net/tls-files.js';
import type { Scope } from '../../program/module.js';
import { type FileData, fileName, writtenName } from '../../tls/arguments.js';
import { applyCommands } from '../../tls/conf-command.js';
import { compiledContexts } from '../../tls/contexts.js';
import type { ServerSsl, Verify } from '../../tls/server-ssl.js';
import type { sslDirectives } from './directives.js';

type Conf = ConfOf<typeof sslDirectives>;

/** Names offered to clients by ALPN, as in nginx. */
const ALPN = ['http/1.1', 'http/1.0', 'http/0.9'];
/** nginx's default, and maximum, size of a record. */
const MAX_FRAGMENT = 16_384;
const MIN_FRAGMENT = 512;

/** Compiles the TLS settings of a server; fails with nginx's message if a file cannot be used. */
export function compileServerSsl(conf: Conf, { compiler, block }: Scope): ServerSsl | null {
  const { ssl_certificate: certificates = [], ssl_certificate_key: keys = [], ssl_reject_handshake: rejects } = conf;
  const last = certificates.at(-1);
  if (last !== undefined && keys.length < certificates.length) {
    const name = typeof last.name === 'string' ? last.name : writtenName(last);
    compiler.fail(`no "ssl_certificate_key" is defined for certificate "${name}"`, last.at);
  }
  if (last === undefined && !rejects) return null;
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
  const spec = at(block.at, () => specOf(conf, loaded));
  const contexts = compiledContexts(compiler);
  const secureContext = at(last?.at ?? block.at, () => contexts.get(spec));
  const { ssl_verify_client: verify, ssl_verify_depth: verifyDepth, ssl_buffer_size: bufferSize } = conf;
  const requestCert = verify !== 'off';
  const maxFragment = Math.max(MIN_FRAGMENT, Math.min(MAX_FRAGMENT, bufferSize));
  const common = { requestCert, alpn: ALPN, maxFragment };
  const compiled = { rejects, hasCertificates: last !== undefined, verify, verifyDepth };
  if (!dynamic) {
    const settings: ServerTls = { secureContext, ...common };
    return { ...compiled, settings: () => settings };
  }
  const files = certificates.map((certificate, i) => ({
    certificate: fileName(certificate, compiler.template(certificate.name)),
    key: fileName(keys[i] as FileData, compiler.template((keys[i] as FileData).name)), // as many as certificates
  }));
  return {
    ...compiled,
    settings: (x) => {
      const pairs = files.map(({ certificate, key }) => loadCertifiedKey(certificate(x), key(x), passwords));
      return { secureContext: createContext({ ...spec, certificates: pairs }), ...common };
    },
  };
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
    trusted: authorities,
    crls,
    protocols: PROTOCOLS.filter((each) => (conf.ssl_protocols as readonly string[]).includes(each)),
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

function isEmpty(file: { readonly path: string } | undefined): boolean {
  return file === undefined || file.path === '';
}

function loadDhparam(path: string): { path: string; pem: string } {
  let pem: string;
  try {
    pem = readFileSync(Buffer.from(path, 'latin1'), 'latin1');
  } catch (error) {
    throw new TlsFileError(openFailed(`BIO_new_file("${path}")`, path, error).replace('")() failed', '") failed'));
  }
  if (pem.includes('-----BEGIN DH PARAMETERS-----')) return { path, pem };
  const reason = 'error:0480006C:PEM routines::no start line:Expecting: DH PARAMETERS';
  throw new TlsFileError(`PEM_read_bio_DHparams("${path}") failed (SSL: ${reason})`);
}
