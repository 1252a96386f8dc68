/** Makes servers listen, either by binding addresses or with sockets bound by the master. */

import { chmodSync } from 'node:fs';
import type net from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import { trustedPath } from '../files/trusted-files.js';
import { portUse } from '../net/port-owner.js';
import { StartError } from '../program/compiler.js';
import type { Listening } from '../program/module.js';

/** Parameters of bind() and listen(), and whether TLS is used. Plain data. */
export type ListeningAddress = Pick<
  Listening,
  'key' | 'host' | 'port' | 'path' | 'backlog' | 'ipv6only' | 'reuseport' | 'secure'
>;

/** An address on which a server listens. */
export interface BoundAddress {
  /** In nginx's notation (`127.0.0.1:80`, `unix:/run/x.sock`), with the actual port for port 0. */
  readonly address: string;
  readonly secure: boolean;
}

/** Source of listening sockets. */
export interface Binder {
  /** Whether sockets stay bound, with their backlog, while no server listens on them. */
  readonly keepsSockets: boolean;
  /** Makes a server listen. Rejects with StartError, in which case the server does not listen. */
  listen(server: net.Server, address: ListeningAddress): Promise<void>;
}

/** Binds in this process. */
export const ownBinder: Binder = {
  keepsSockets: false,
  async listen(server, address) {
    const { path, host, port, backlog, ipv6only, reuseport } = address;
    const options: net.ListenOptions =
      path !== null
        ? { path: toText(path), backlog }
        : { host, port, backlog, ipv6Only: ipv6only, ...(reuseport && REUSE_PORT ? { reusePort: true } : {}) };
    await listening(server, address, (done) => {
      if (path === null) server.listen(options, done);
      else bindForAll(path, () => server.listen(options, done));
    });
  },
};

/** Binds nothing: connections are made within the process only. */
export const unboundBinder: Binder = {
  keepsSockets: false,
  listen: async () => {},
};

/**
 * Binds a unix socket with mode 0666, as nginx does. The mode is set by umask: `chmod` afterwards would follow a link
 * that had replaced the socket. Throws UntrustedPathError if another user controls the path.
 *
 * @param bind binds synchronously
 */
export function bindForAll<T>(path: string, bind: () => T): T {
  trustedPath(path);
  if (!isMainThread) {
    // Threads cannot set the process umask.
    const bound = bind();
    chmodSync(nativePath(trustedPath(path)), 0o666);
    return bound;
  }
  const umask = process.umask(0o111);
  try {
    return bind();
  } finally {
    process.umask(umask);
  }
}

/** Calls `listen` and waits until the server listens. */
export function listening(
  server: net.Server,
  address: ListeningAddress,
  listen: (done: () => void) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const onError = (error: Error): void => reject(bindError(address, error));
    server.once('error', onError);
    try {
      listen(() => {
        server.off('error', onError);
        resolve();
      });
    } catch (error) {
      server.off('error', onError);
      reject(bindError(address, error));
    }
  });
}

/** nginx's message for a failed bind(), and the process that uses the port, if it can be determined. */
export function bindError({ key, path, host, port }: ListeningAddress, error: unknown): StartError {
  const inUse = path === null && (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  const use = inUse ? portUse(host, port) : '';
  return new StartError(`bind() to ${key} failed (${errnoText(error)})${use === '' ? '' : `; ${use}`}`, null);
}

/** Whether Node supports `reusePort` (22.12 and later); otherwise each process listens without it. */
export const REUSE_PORT = (() => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 12);
})();
