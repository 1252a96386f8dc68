/** The certificates that a configuration names, as far as they can be read. */

import type { KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { LintContext } from './lint.js';
import { oncePerConfig } from './once-per-config.js';
import type { Scope } from './scope.js';
import { tlsOf } from './servers.js';

export interface Certificate {
  readonly statement: Statement;
  /** The path as written. */
  readonly path: string;
  readonly x509: X509Certificate;
}

/** A certificate and the key that goes with it: the first with the first, the second with the second. */
export interface Pair {
  readonly certificate: Certificate;
  readonly keyStatement: Statement | undefined;
  /** Absent where it cannot be read: it may be for root's eyes only, or have a password. */
  readonly key: KeyObject | undefined;
}

/** A server that speaks TLS with certificates that could be read. */
export interface TlsServer {
  readonly scope: Scope;
  readonly pairs: readonly Pair[];
  /** All of its certificates could be read. */
  readonly complete: boolean;
}

export const tlsServers = oncePerConfig(async (c: LintContext): Promise<readonly TlsServer[]> => {
  const servers = c.scopes('server').filter((server) => tlsOf(server) !== 'none');
  if (servers.length === 0) return [];
  const { createPrivateKey, X509Certificate: Certificate } = await import('node:crypto');
  const certificates = new Files(c, (text) => new Certificate(text));
  const keys = new Files(c, (text) => createPrivateKey(text));
  return Promise.all(
    servers.map(async (scope) => {
      const keyStatements = scope.effective('ssl_certificate_key');
      const statements = scope.effective('ssl_certificate');
      const pairs = await Promise.all(
        statements.map(async (statement, i): Promise<Pair | null> => {
          const path = pathIn(statement);
          const x509 = await certificates.get(path);
          if (x509 === null) return null;
          const keyStatement = keyStatements[i];
          const key = (await keys.get(pathIn(keyStatement))) ?? undefined;
          return { certificate: { statement, path, x509 }, keyStatement, key };
        }),
      );
      const readable = pairs.filter((pair) => pair !== null);
      return { scope, pairs: readable, complete: readable.length === statements.length };
    }),
  );
});

function pathIn(statement: Statement | undefined): string {
  return statement?.args[0]?.text ?? '';
}

/** What is made of files, each read once; null where one cannot be read or is something else. */
class Files<T> {
  private readonly known = new Map<string, Promise<T | null>>();

  constructor(
    private readonly c: LintContext,
    private readonly make: (text: Buffer) => T,
  ) {}

  get(path: string): Promise<T | null> {
    // Variables are known with a request only; `data:`, `engine:` and `store:` name no file.
    if (path === '' || /\$|^(?:data|engine|store):/.test(path)) return Promise.resolve(null);
    let made = this.known.get(path);
    if (made === undefined) {
      made = readFile(Buffer.from(this.c.path(path), 'latin1'))
        .then(this.make)
        .catch(() => null);
      this.known.set(path, made);
    }
    return made;
  }
}
