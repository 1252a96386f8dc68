/** The process around a routing table, for modules that show or control the proxy as a whole. */

/** A generation in use in this process. */
export interface GenerationUse {
  readonly number: number;
  /** Its requests and tunnels. */
  readonly users: number;
}

/** Counts of the process that owns the configuration since its start: the answer to `COUNTS_QUESTION`. Plain data. */
export interface ProcessCounts {
  /** Reloads that have put a configuration in force, and those that were refused. */
  readonly reloads: number;
  readonly refused: number;
  /** Time of the last start or reload that has succeeded, ms since 1970. */
  readonly loadedAt: number;
  /** Whether the last reload has succeeded; true before the first one. */
  readonly succeeded: boolean;
  /** Workers that were started to replace others that had exited unexpectedly. */
  readonly restarts: number;
}

export const COUNTS_QUESTION = { about: 'counts' } as const;

export interface ProcessLink {
  /**
   * Asks the process that owns the configuration: the master, or this one. Question and answer are plain data. Rejects with
   * ProcessUnavailable if it does not answer within `timeout` ms; the default suffices for a reload.
   */
  ask(question: unknown, timeout?: number): Promise<unknown>;
  /** Oldest first. */
  generations(): readonly GenerationUse[];
}

/** The process that owns the configuration does not answer. */
export class ProcessUnavailable extends Error {
  constructor() {
    super('the process that owns the configuration does not answer');
  }
}

/** Link of a table that does not serve. */
export const NO_PROCESS: ProcessLink = {
  ask: () => Promise.reject(new ProcessUnavailable()),
  generations: () => [],
};
