/** Workers as seen by the process that owns the configuration. */
import type { LostWorkerReport } from '../console/process-questions.js';
import type { BoundAddress } from '../server/binder.js';
import type { TapSubscriber } from '../tap/feed.js';
import type { MainSettings } from './main-settings.js';
import type { Owner } from './ownership.js';
import type { Job, PreparedJob } from './serving.js';

/** A configuration to serve, with the settings that the process itself reads from it. */
export interface WorkersJob extends Job {
  readonly settings: MainSettings;
  /** uid and gid that worker processes run as; null: those of the master. */
  readonly owner: Owner | null;
}

/** Worker processes. */
export interface ProcessFigures {
  /** Number of workers that the configuration requires, and that serve. */
  readonly wanted: number;
  readonly serving: number;
  /** The last ones that have ended unexpectedly, oldest first. */
  readonly lost: readonly LostWorkerReport[];
  /** Number of those that were started to replace others that had exited unexpectedly. */
  readonly restarts: number;
}

/** Either this process itself (`Serving`) or separate processes (`WorkerProcesses`). */
export interface Workers {
  /** Listening addresses. */
  readonly addresses: BoundAddress[];
  /** Absent if this process serves itself. */
  readonly processes?: ProcessFigures;
  /** Performs every step that can fail. If it rejects, nothing has changed. */
  prepare(job: WorkersJob): Promise<PreparedJob>;
  /** Delivers rows of the traffic tap to a subscriber until the returned function is called, also across reloads. */
  subscribe(subscriber: TapSubscriber): () => void;
  /** Reopens all log files. */
  reopenLogs(): void;
  /** Shuts processes down as `quit` does; the next configuration starts new ones. The addresses stay bound. */
  dismiss?(limit: number): void;
  /** Stops accepting and waits at most `limit` ms for connections to finish (0: without limit). */
  quit(limit: number): Promise<void>;
  /** Closes all connections; resolves when the last one has ended. */
  stop(): Promise<void>;
}
