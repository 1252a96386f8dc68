/** Messages about connections that end before their first request begins, in nginx's words. */
import { errnoText } from '../diagnostics/errno.js';
import type { ClientInfo } from '../exchange/client-info.js';
import { logs } from '../logging/error-log.js';
import type { Arrived } from '../program/config-lease.js';

export const CLOSED_BY_CLIENT = 'client closed connection';

/** A connection without a request. */
interface UnusedConnection {
  readonly info: ClientInfo;
  readonly arrived: Arrived;
}

/** Logs the end of a connection. */
export function logUnused({ info, arrived }: UnusedConnection, message: string): void {
  const { key, program } = arrived.listening;
  const { errorLog } = program.defaultServer.base.settings;
  if (!logs(errorLog, 'info')) return;
  const context = `client: ${info.remoteAddress}, server: ${key}`;
  errorLog.write('info', `*${info.id} ${message} while waiting for request, ${context}`);
}

/** Logs a connection that its client has reset; as in nginx, the error is not named if TLS is used. */
export function logReset(connection: UnusedConnection, error: NodeJS.ErrnoException): void {
  logUnused(connection, connection.info.secure ? CLOSED_BY_CLIENT : `recv() failed (${errnoText(error)})`);
}
