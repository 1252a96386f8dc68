/** Configurations as programs give them, and the error for those that are refused. */
import type { JsonFinding } from '../diagnostics/json.js';

/** Source of a configuration: exactly one of `config` and `file`. */
export interface ConfigInput {
  /** The text of a configuration. */
  readonly config?: string;
  /** The path of a configuration file; it is read again by each reload. */
  readonly file?: string;
  /** Texts for `include`, by path (relative ones start from the prefix). Without it files are read from disk. */
  readonly includes?: Readonly<Record<string, string>>;
}

/** A configuration that was refused. */
export class ConfigError extends Error {
  constructor(
    /** nginx's message for the first error; or all findings with their places, if there are any. */
    message: string,
    /** Findings, in the order of the text; empty if the configuration is valid and the start failed. */
    readonly findings: readonly JsonFinding[],
  ) {
    super(message);
    this.name = 'ConfigError';
  }
}
