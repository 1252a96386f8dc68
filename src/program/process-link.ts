/** The process around a routing table, for modules that show or control the proxy as a whole. */

/** A generation in use in this process. */
export interface GenerationUse {
  readonly number: number;
  /** Its requests and tunnels. */
  readonly users: number;
}

export interface ProcessLink {
  /**
   * Asks the process that owns the configuration: the master, or this one. Question and answer are plain data. Rejects with
   * ProcessUnavailable if it does not answer.
   */
  ask(question: unknown): Promise<unknown>;
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
