/** Error log lines about a session: the message followed by its context, in nginx's format. */

import type { Level } from '../config/log-level.js';
import { logs } from '../logging/error-log.js';
import type { Session } from './session.js';

/** Writes a line with the session's context. */
export function logError(x: Session, level: Level, message: string): void {
  const log = x.errorLog;
  x.record?.addLine(level, message);
  if (logs(log, level)) log.write(level, `*${x.client.id} ${message}${x.logContext()}`);
}
