/** TLS directives that nginx repeats for each upstream protocol under its own prefix (`proxy_ssl_…`, `grpc_ssl_…`). */
import { bitmask, either, flag, integer, listOf, named, path, template, text } from '../config/argument-types.js';
import type { Context, DirectiveSpec } from '../config/directive.js';
import {
  certificateCache,
  certificateFile,
  confCommand,
  keyFile,
  namedFiles,
  OLD_PROTOCOLS,
  plainFile,
  plainFiles,
} from './arguments.js';

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
      doc: 'Protocols offered to the server by ALPN. Without the directive, `h2` is offered for HTTP/2, and otherwise the extension is not sent, as in nginx.',
      example: `${p}ssl_alpn http/1.1;`,
      differs: 'nginx has this directive only in `stream`.',
    },
  } as const satisfies Record<string, DirectiveSpec>;
}

export type Family = ReturnType<typeof family>;
export type Prefixed<P extends string> = { readonly [K in keyof Family as `${P}_${K & string}`]: Family[K] };

/** The directives of the family under a prefix, to be spread into the directives of a module. */
export function upstreamSslDirectives<P extends string>(prefix: P): Prefixed<P> {
  const entries = Object.entries(family(`${prefix}_`)).map(([name, spec]) => [`${prefix}_${name}`, spec]);
  // The keys are the ones that the type spells out; TypeScript cannot follow them through fromEntries.
  return Object.fromEntries(entries) as Prefixed<P>;
}
