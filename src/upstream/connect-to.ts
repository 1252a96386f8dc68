/** Connects a request to a peer. */
import type { Level } from '../config/log-level.js';
import type { StreamUser, UpstreamStream } from '../http/upstream-session.js';
import { connectionRefused } from '../net/connection-limit.js';
import { TlsFileError } from '../net/tls-files.js';
import type { ConnectOptions } from './connect-options.js';
import { UpstreamFailure } from './failure.js';
import type { Peer } from './peer.js';
import type { SessionPool } from './session-pool.js';

/** Opens a stream on a new connection; returns the failure if this host cannot. */
export function connectTo(
  peer: Peer,
  sessions: SessionPool,
  origin: object,
  options: ConnectOptions,
  user: StreamUser,
): UpstreamStream | UpstreamFailure {
  let refusal: readonly [Level, string];
  const refused = connectionRefused();
  if (refused !== null) refusal = ['alert', refused];
  else {
    try {
      return sessions.connect(peer, origin, options, user);
    } catch (error) {
      if (!(error instanceof TlsFileError)) throw error;
      refusal = ['error', error.message];
    }
  }
  return new UpstreamFailure('local', 'connecting to upstream', refusal);
}
