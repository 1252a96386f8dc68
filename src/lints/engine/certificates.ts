/** Certificates of a configuration that can be read. */

import type { KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Statement } from '../../../grammar/syntax-tree.js';
import { fieldsOf } from '../../tls/certificate-fields.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import type { Scope } from './scope.js';
import { tlsOf } from './servers.js';

export interface Certificate {
  readonly statement: Statement;
  /** The path as written. */
  readonly path: string;
  readonly x509: X509Certificate;
  /** All certificates of the file; this one is the first. */
  readonly chain: readonly X509Certificate[];
}

/** A certificate and its key; they are paired in the order written. */
export interface Pair {
  readonly certificate: Certificate;
  readonly keyStatement: Statement | undefined;
  /** Undefined if it cannot be read, for example without root permissions, or is encrypted. */
  readonly key: KeyObject | undefined;
}

/** A TLS server with its readable certificates. */
export interface TlsServer {
  readonly scope: Scope;
  readonly pairs: readonly Pair[];
  /** Whether all of its certificates could be read. */
  readonly complete: boolean;
}

const PEM = /-----BEGIN (?:X509 )?CERTIFICATE-----[\s\S]*?-----END (?:X509 )?CERTIFICATE-----/g;

export const tlsServers = oncePerConfig(async (c: LintContext): Promise<readonly TlsServer[]> => {
  const servers = c.scopes('server').filter((server) => tlsOf(server) !== 'none');
  if (servers.length === 0) return [];
  const { createPrivateKey, X509Certificate: Certificate } = await import('node:crypto');
  const certificates = new Files(c, (text) => {
    const chain = (text.latin1Slice().match(PEM) ?? []).map((block) => new Certificate(block));
    const x509 = new Certificate(text);
    for (const certificate of [x509, ...chain]) evaluate(certificate);
    return { x509, chain };
  });
  const keys = new Files(c, (text) => createPrivateKey(text));
  return Promise.all(
    servers.map(async (scope) => {
      const keyStatements = scope.effective('ssl_certificate_key');
      const statements = scope.effective('ssl_certificate');
      const pairs = await Promise.all(
        statements.map(async (statement, i): Promise<Pair | null> => {
          const path = pathIn(statement);
          const found = await certificates.get(path);
          if (found === null) return null;
          const keyStatement = keyStatements[i];
          const key = (await keys.get(pathIn(keyStatement))) ?? undefined;
          return { certificate: { statement, path, ...found }, keyStatement, key };
        }),
      );
      const readable = pairs.filter((pair) => pair !== null);
      return { scope, pairs: readable, complete: readable.length === statements.length };
    }),
  );
});

/** Throws if the key, a field or a name of a certificate cannot be read, although OpenSSL accepts the whole. */
function evaluate(certificate: X509Certificate): void {
  if (certificate.publicKey.type !== 'public') throw new Error('no public key');
  fieldsOf(certificate);
  certificate.checkHost('a');
  // Their getters throw in some versions of Node.js.
  const { subject, issuer, subjectAltName, infoAccess } = certificate;
  void [subject, issuer, subjectAltName, infoAccess];
}

function pathIn(statement: Statement | undefined): string {
  return statement?.args[0]?.text ?? '';
}

/** Cache of parsed files, each read once; null for a file that cannot be read or parsed. */
class Files<T> {
  private readonly cache = new Map<string, Promise<T | null>>();

  constructor(
    private readonly c: LintContext,
    private readonly parse: (text: Buffer) => T,
  ) {}

  get(path: string): Promise<T | null> {
    // Variables have values only during a request; `data:`, `engine:` and `store:` are not files.
    if (path === '' || /\$|^(?:data|engine|store):/.test(path)) return Promise.resolve(null);
    let parsed = this.cache.get(path);
    if (parsed === undefined) {
      parsed = readFile(Buffer.from(this.c.path(path), 'latin1'))
        .then(this.parse)
        .catch(() => null);
      this.cache.set(path, parsed);
    }
    return parsed;
  }
}
