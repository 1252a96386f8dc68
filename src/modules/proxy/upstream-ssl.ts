/** TLS directives that nginx repeats for each upstream protocol under its own prefix (`proxy_ssl_…`, `grpc_ssl_…`). */
import { bitmask, either, flag, integer, listOf, named, path, template, text } from '../../config/argument-types.js';
import type { ConfOf, Context, DirectiveSpec } from '../../config/directive.js';
import type { Place } from '../../config/place.js';
import { type ContextSpec, TLS_VERSIONS } from '../../net/tls-context.js';
import {
  type CertifiedKey,
  loadCertificates,
  loadCertifiedKey,
  loadCrls,
  loadPasswords,
  TlsFileError,
} from '../../net/tls-files.js';
import type { Scope } from '../../program/module.js';
import {
  certificateCache,
  certificateFile,
  confCommand,
  fileName,
  keyFile,
  namedFiles,
  OLD_PROTOCOLS,
  plainFile,
  plainFiles,
  writtenName,
} from '../../tls/arguments.js';
import { compiledCache } from '../../tls/certificate-cache.js';
import { applyCommands } from '../../tls/conf-command.js';
import { compiledContexts } from '../../tls/contexts.js';
import { compiledKeyLog } from '../../tls/key-log.js';
import { type ClientContext, clientContext, UpstreamTls, type VariableCertificate } from '../../tls/upstream-tls.js';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location'];

/** Directives without their prefix; `p` is the prefix with its underscore, for examples and texts. */
function family(p: string) {
  return {
    ssl_server_name: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: `Whether the name of the server (\`${p}ssl_name\`) is sent in the handshake (SNI). Servers with several certificates require it. Literal addresses are never sent.`,
      example: `${p}ssl_server_name on;`,
    },
    ssl_name: {
      contexts: CONTEXTS,
      takes: template,
      doc: `Name of the server, for \`${p}ssl_server_name\` and \`${p}ssl_verify\`; a port in it is ignored. The default is the host of the URL.`,
      example: `${p}ssl_name backend.example.com;`,
    },
    ssl_verify: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: `Whether the certificate of the server is verified: it must be signed by an authority of \`${p}ssl_trusted_certificate\`, and be valid for \`${p}ssl_name\`. A server with another one gets no requests (502).`,
      example: `${p}ssl_trusted_certificate ca.crt; ${p}ssl_verify on;`,
    },
    ssl_verify_depth: {
      contexts: CONTEXTS,
      takes: integer(),
      default: '1',
      doc: 'Maximum number of intermediate certificates between the certificate of the server and a trusted authority.',
      example: `${p}ssl_verify_depth 2;`,
    },
    ssl_trusted_certificate: {
      contexts: CONTEXTS,
      takes: plainFile,
      files: plainFiles,
      doc: 'File with certificates of authorities (PEM) that verify the certificate of the server.',
      example: `${p}ssl_trusted_certificate ca.crt;`,
    },
    ssl_crl: {
      contexts: CONTEXTS,
      takes: plainFile,
      files: plainFiles,
      doc: 'File with revocation lists (PEM) for the certificate of the server, one for each authority of its chain.',
      example: `${p}ssl_crl revoked.crl;`,
    },
    ssl_certificate: {
      contexts: CONTEXTS,
      takes: certificateFile,
      files: namedFiles,
      doc: 'Client certificate in PEM, for servers that require one, followed by intermediate certificates. A name with variables is evaluated for each connection; if it is empty, no certificate is sent. `data:` is followed by the certificate itself.',
      example: `${p}ssl_certificate client.crt; ${p}ssl_certificate_key client.key;`,
    },
    ssl_certificate_key: {
      contexts: CONTEXTS,
      takes: keyFile,
      files: namedFiles,
      doc: `Private key of \`${p}ssl_certificate\`, in PEM; may be encrypted (\`${p}ssl_password_file\`) or contain variables.`,
      example: `${p}ssl_certificate_key client.key;`,
      differs:
        'Keys of OpenSSL engines and stores (`engine:`, `store:`) are rejected: Node.js has no interface to them.',
      differsFor: ([name = '']: readonly string[]) => /^(engine|store):/.test(name),
    },
    ssl_certificate_cache: {
      contexts: CONTEXTS,
      takes: certificateCache,
      default: 'off',
      doc: 'Cache of client certificates and keys whose names have variables: their maximum number, the time after which an unused one is removed (10s), and the time after which the file is checked for changes (60s).',
      example: `${p}ssl_certificate_cache max=1000 inactive=20s valid=1m;`,
    },
    ssl_password_file: {
      contexts: CONTEXTS,
      takes: plainFile,
      files: plainFiles,
      doc: `File with passwords of \`${p}ssl_certificate_key\`, one per line; they are tried in turn.`,
      example: `${p}ssl_password_file passwords;`,
    },
    ssl_protocols: {
      contexts: CONTEXTS,
      takes: bitmask('SSLv2', 'SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'),
      default: 'TLSv1.2 TLSv1.3',
      doc: 'Enabled protocols.',
      example: `${p}ssl_protocols TLSv1.2 TLSv1.3;`,
      noEffectParameters: OLD_PROTOCOLS,
    },
    ssl_ciphers: {
      contexts: CONTEXTS,
      takes: named('ciphers', text),
      default: 'DEFAULT',
      doc: `Enabled ciphers of TLS 1.2 and older, as a list of OpenSSL. Suites of TLS 1.3 are set by \`${p}ssl_conf_command Ciphersuites\`.`,
      example: `${p}ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;`,
    },
    ssl_session_reuse: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'on',
      doc: 'Whether sessions are reused for later connections to the same server, which shortens the handshake.',
      example: `${p}ssl_session_reuse off;`,
      differs:
        'A session is only reused with the same server name, client certificate and verification; in nginx by all locations, even if it was not verified.',
      differsFor: () => false,
    },
    ssl_conf_command: {
      contexts: CONTEXTS,
      takes: confCommand,
      repeat: true,
      doc: 'Sets options of OpenSSL: `Ciphersuites`, `CipherString`, `Groups`, `SignatureAlgorithms`, `MinProtocol`, `MaxProtocol`, `Protocol` and `Options`, as described in SSL_CONF_cmd(3).',
      example: `${p}ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;`,
      differs: 'Other commands are rejected: Node.js has no interface to them.',
      differsFor: ([name = '']: readonly string[]) =>
        !/^(ciphersuites|cipherstring|groups|curves|signaturealgorithms|m(in|ax)protocol|protocol|options)$/i.test(
          name,
        ),
    },
    ssl_key_log: {
      contexts: CONTEXTS,
      takes: either('off', path('prefix')),
      default: 'off',
      doc: 'File to which the secrets of connections are written (NSS key log format), so that captured traffic can be decrypted. Whoever can read it can read all traffic: never use it permanently. nginx Plus has this directive.',
      example: `${p}ssl_key_log keys.log;`,
    },
    ssl_alpn: {
      contexts: CONTEXTS,
      takes: listOf(named('protocol', text)),
      doc: 'Protocols offered to the server by ALPN. Without the directive the extension is not sent, as in nginx.',
      example: `${p}ssl_alpn http/1.1;`,
      differs: 'nginx has this directive only in `stream`.',
    },
  } as const satisfies Record<string, DirectiveSpec>;
}

type Family = ReturnType<typeof family>;
type Prefixed<P extends string> = { readonly [K in keyof Family as `${P}_${K & string}`]: Family[K] };

/** The directives of the family under a prefix, to be spread into the directives of a module. */
export function upstreamSslDirectives<P extends string>(prefix: P): Prefixed<P> {
  const entries = Object.entries(family(`${prefix}_`)).map(([name, spec]) => [`${prefix}_${name}`, spec]);
  // The keys are the ones that the type spells out; TypeScript cannot follow them through fromEntries.
  return Object.fromEntries(entries) as Prefixed<P>;
}

type Value = <K extends keyof Family>(name: K) => ConfOf<Family>[K];

/** Compiles the TLS settings of a location; fails with nginx's message if a file cannot be used. */
export function compileUpstreamTls<P extends string>(prefix: P, conf: ConfOf<Prefixed<P>>, scope: Scope): UpstreamTls {
  const { compiler, block } = scope;
  const value: Value = (name) => (conf as Record<string, unknown>)[`${prefix}_${name}`] as never; // the type of the name
  const [certificate, key, authorities] = [
    value('ssl_certificate'),
    value('ssl_certificate_key'),
    value('ssl_trusted_certificate'),
  ];
  if (certificate !== undefined && certificate.name !== '' && key === undefined) {
    const message = `no "${prefix}_ssl_certificate_key" is defined for certificate "${writtenName(certificate)}"`;
    return compiler.fail(message, certificate.at);
  }
  const verify = value('ssl_verify');
  if (verify && (authorities === undefined || authorities.path === '')) {
    return compiler.fail(`no ${prefix}_ssl_trusted_certificate for ${prefix}_ssl_verify`, block.at);
  }
  const name = value('ssl_name');
  return new UpstreamTls({
    context: sharedContext(value, scope),
    verify,
    verifyDepth: value('ssl_verify_depth'),
    sendsName: value('ssl_server_name'),
    name: name === undefined ? null : compiler.template(name),
    certificate: variableCertificate(value, scope),
    reusesSessions: value('ssl_session_reuse'),
    alpn: value('ssl_alpn') ?? [],
    keyLog: compiledKeyLog(value('ssl_key_log'), compiler),
  });
}

/** Directives that determine the context. */
const OF_CONTEXT = [
  'ssl_certificate',
  'ssl_certificate_key',
  'ssl_password_file',
  'ssl_verify',
  'ssl_trusted_certificate',
  'ssl_crl',
  'ssl_protocols',
  'ssl_ciphers',
  'ssl_conf_command',
] as const satisfies readonly (keyof Family)[];

/** The context of a location; locations with the same values share one, so that files are parsed once. */
function sharedContext(value: Value, scope: Scope): ClientContext {
  const { shared } = scope.compiler;
  const values = JSON.stringify(OF_CONTEXT.map(value), (key, each: unknown) => (key === 'at' ? undefined : each));
  const key = `upstream TLS:${values}`;
  return shared.get<ClientContext>(key) ?? shared.set(key, newContext(value, scope));
}

/** Runs `load`; an error is reported at the directive. */
function at<T>(place: Place, { compiler }: Scope, load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof TlsFileError) return compiler.fail(error.message, place);
    throw error;
  }
}

function newContext(value: Value, scope: Scope): ClientContext {
  const verify = value('ssl_verify');
  const used = <T>(file: { readonly path: string; readonly at: Place } | undefined, load: (path: string) => T) =>
    verify && file !== undefined && file.path !== '' ? at(file.at, scope, () => load(file.path)) : null;
  const spec: ContextSpec = {
    certificates: fixedCertificate(value, scope),
    trusted: used(value('ssl_trusted_certificate'), loadCertificates)?.blocks ?? [],
    crls: used(value('ssl_crl'), loadCrls) ?? [],
    protocols: TLS_VERSIONS.filter((each) => value('ssl_protocols').includes(each)),
    ciphers: value('ssl_ciphers'),
    suites: null,
    curves: 'auto',
    signatureAlgorithms: null,
    dhparam: null,
    preferServerCiphers: false,
    options: 0,
    sessionTimeout: SESSION_TIMEOUT,
    sessionTickets: true,
    ticketKeys: null,
    sessionIdContext: '',
  };
  const commands = value('ssl_conf_command');
  return at(commands.at(-1)?.at ?? scope.block.at, scope, () =>
    clientContext(applyCommands(spec, commands), compiledContexts(scope.compiler)),
  );
}

function passwordsOf(value: Value, scope: Scope): readonly string[] {
  const file = value('ssl_password_file');
  return file === undefined ? [] : at(file.at, scope, () => loadPasswords(file.path));
}

/** The client certificate, unless its name or that of its key has variables. */
function fixedCertificate(value: Value, scope: Scope): readonly CertifiedKey[] {
  const [certificate, key] = [value('ssl_certificate'), value('ssl_certificate_key')];
  if (certificate === undefined || key === undefined || certificate.name === '') return [];
  const [name, keyName] = [certificate.name, key.name];
  if (typeof name !== 'string' || typeof keyName !== 'string') return [];
  return [at(certificate.at, scope, () => loadCertifiedKey(name, keyName, passwordsOf(value, scope)))];
}

function variableCertificate(value: Value, scope: Scope): VariableCertificate | null {
  const { compiler } = scope;
  const [certificate, key] = [value('ssl_certificate'), value('ssl_certificate_key')];
  if (certificate === undefined || key === undefined || certificate.name === '') return null;
  if (typeof certificate.name === 'string' && typeof key.name === 'string') return null;
  return {
    certificate: fileName(certificate, compiler.template(certificate.name)),
    key: fileName(key, compiler.template(key.name)),
    passwords: passwordsOf(value, scope),
    cache: compiledCache(compiler, value('ssl_certificate_cache')),
  };
}

/** Lifetime of sessions in OpenSSL, s. */
const SESSION_TIMEOUT = 300;
