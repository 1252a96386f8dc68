/** A session of no protocol, for tests of load balancing methods: they read the client's address and write to the error log. */
import type { ErrorLog } from '../../src/logging/error-log.js';
import type { Client, Session } from '../../src/program/session.js';

export function sessionFrom(remoteAddress = '127.0.0.1', log: string[] = []): Session {
  const errorLog: ErrorLog = { threshold: 7, write: (level, message) => log.push(`${level} ${message}`) };
  const client: Client = {
    id: 1,
    remoteAddress,
    remotePort: 40000,
    localAddress: '127.0.0.1',
    localPort: 80,
    unixPath: null,
    accepted: null,
    secure: false,
    since: 0,
    bytesSent: 0,
  };
  return {
    client,
    startTime: 0,
    remoteAddress,
    remotePort: client.remotePort,
    slots: [],
    captures: null,
    errorLog,
    logContext: () => `, client: ${remoteAddress}, server: 127.0.0.1:80`,
  };
}
