/**
 * Timeouts of sending, as nginx defines `send_timeout`: not for the whole, but between two successive writes. A peer that
 * accepts some bytes within each period is slow; one that accepts none has failed.
 */
import { now, type Timed } from './deadlines.js';

/** A transport, or a stream of one. */
export interface ProgressSource {
  /** Whether the peer has accepted bytes since the last call. */
  madeProgress(): boolean;
}

/** Starts the timeout: the peer must accept some bytes within `timeout` ms. */
export function awaitProgress(entry: Timed, source: ProgressSource, timeout: number): void {
  source.madeProgress();
  entry.deadline = now() + timeout;
}

/** The timeout has passed: starts another one and returns true if the peer has accepted some bytes meanwhile. */
export function extendWithProgress(entry: Timed, source: ProgressSource, timeout: number): boolean {
  if (!source.madeProgress()) return false;
  entry.deadline = now() + timeout;
  return true;
}
