/** Questions about configurations, and their answers, for the page and the terminal. Plain data; strings are text. */
import type { JsonFinding } from '../diagnostics/json-finding.js';

/** A request to explain: the fields of the form. */
export interface ExplainForm {
  /** `GET /path`, `wss://host/path`, … */
  readonly request: string;
  /** Lines `Name: value`. */
  readonly fields: readonly string[];
  /** Address of the client; empty: the loopback address. */
  readonly from: string;
  /** Address that the client connects to; empty if the configuration listens on one only. */
  readonly listen: string;
}

/** A text of a configuration; secrets in it are replaced. */
export interface ConfigurationText {
  readonly file: string;
  readonly text: string;
  /** Bytes omitted at the end of the text, because it is too long. */
  readonly omitted: number;
}

export interface ConfigurationReport {
  readonly generation: number;
  readonly texts: readonly ConfigurationText[];
  readonly findings: readonly JsonFinding[];
  /** Whether the files on disk differ from these texts. */
  readonly changedOnDisk: boolean;
}

/** A generation whose texts are kept. */
export interface GenerationTexts {
  readonly generation: number;
  readonly since: number;
  readonly files: readonly string[];
}

export interface DifferenceReport {
  readonly from: number;
  readonly to: number;
  /** Changes of the meaning in words. */
  readonly changes: readonly string[];
  /** Unified differences of the texts. */
  readonly texts: string;
}

export interface ExplainReport {
  /** The explanation as `tsproxy explain` prints it. */
  readonly text: string;
  /** The same as data: `tsproxy explain --json`. */
  readonly explanation: unknown;
}

export interface ReloadReport {
  /** Number of the new generation; null: the configuration was refused, and nothing has changed. */
  readonly generation: number | null;
  readonly findings: readonly JsonFinding[];
  /** The findings with their code frames; the reason of the refusal if there are none. */
  readonly rendered: string;
}
