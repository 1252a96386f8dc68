/** Those who serve, as the process that has the configuration sees them. */
import type { MainSettings } from './main-settings.js';
import type { Owner } from './ownership.js';
import type { Job, PreparedJob } from './serving.js';

/** A configuration to be served, with what the process itself reads of it. */
export interface WorkersJob extends Job {
  readonly settings: MainSettings;
  /** As whom worker processes serve; null: as the master. */
  readonly owner: Owner | null;
}

/** This process itself (`Serving`), or processes of their own (`WorkerProcesses`). */
export interface Workers {
  /** The addresses on which they listen, in nginx's notation, with the ports that the system gave for port 0. */
  readonly addresses: string[];
  /** Does all that can fail. Rejects with the reason, and then has changed nothing. */
  prepare(job: WorkersJob): Promise<PreparedJob>;
  /** Opens all log files anew. */
  reopenLogs(): void;
  /** Has processes end as `quit` does, in whose place the next configuration puts others; the addresses stay bound. */
  dismiss?(limit: number): void;
  /** Stops accepting and lets what is under way end, no longer than `limit` ms (0: as long as it takes). */
  quit(limit: number): Promise<void>;
  /** Cuts everything; resolves when the last connection has ended. */
  stop(): Promise<void>;
}
