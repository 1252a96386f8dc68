/** Opens a stream to a peer for a request, on a cached connection or a new one. */
import type { Level } from '../config/log-level.js';
import type { StreamUser, UpstreamStream } from '../http/upstream-session.js';
import { connectionRefused } from '../net/connection-limit.js';
import { TlsFileError } from '../net/tls-files.js';
import type { ConnectOptions } from './connect-options.js';
import { UpstreamFailure } from './failure.js';
import type { Peer } from './peer.js';
import { QUEUE_FULL, type SessionPool } from './session-pool.js';

/** Opens a stream, which is ready if its connection is cached; returns the failure if there is none. `isFinal`: see `SessionPool.reuse`. */
export function openStream(
  peer: Peer,
  sessions: SessionPool,
  origin: object,
  options: ConnectOptions,
  user: StreamUser,
  isFinal: boolean,
): UpstreamStream | UpstreamFailure {
  const kept = sessions.reuse(peer, origin, options, user, isFinal);
  if (kept === QUEUE_FULL) return new UpstreamFailure('busy', 'connecting to upstream', null);
  return kept ?? connectTo(peer, sessions, origin, options, user);
}

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
