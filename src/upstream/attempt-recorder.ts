/** Recorders of attempts with peers, for metrics. */
import { SettingsKey } from '../program/settings-key.js';
import type { UpstreamAttempt } from '../program/upstream-attempt.js';

/** Recorder of the attempts with one peer. */
export interface AttemptRecorder {
  /** Records an attempt that has ended, or become a tunnel. */
  ended(attempt: UpstreamAttempt): void;
  /** Records a failure that counts for `max_fails`. */
  failed(): void;
  /** Records the bytes of a tunnel. */
  transferred(sent: number, received: number): void;
}

/** Recorder of an upstream. */
export interface UpstreamRecorder {
  peer(name: string): AttemptRecorder;
}

/** Recorder of upstreams that exist for one request, because their host has variables; null: none. */
export const RUN_TIME_UPSTREAMS = new SettingsKey<UpstreamRecorder | null>('recorder of run-time upstreams', null);
