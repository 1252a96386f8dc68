/**
 * Questions to the process that owns the configuration (the master, or the only process), and its answers. Plain data;
 * strings are text.
 */
import type { JsonFinding } from '../diagnostics/json.js';
import type { COUNTS_QUESTION } from '../program/process-link.js';
import type { ReloadState } from './state.js';

/** A request to explain, as a form has it. */
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

export type ProcessQuestion =
  /** Answered by ProcessCounts. */
  | typeof COUNTS_QUESTION
  /** Keeps the texts of the configuration that is being compiled. */
  | { readonly about: 'keeping' }
  /** Answered by ProcessReport. */
  | { readonly about: 'process' }
  /** Answered by ConfigurationReport. */
  | { readonly about: 'configuration' }
  /** Answered by a list of GenerationTexts. */
  | { readonly about: 'generations' }
  /** Answered by DifferenceReport. */
  | { readonly about: 'difference'; readonly from: number; readonly to: number }
  /** Answered by ExplainReport. */
  | { readonly about: 'explanation'; readonly form: ExplainForm }
  /** Reloads; answered by ReloadReport. */
  | { readonly about: 'reload' };

/** A worker process that ended unexpectedly. */
export interface LostWorkerReport {
  readonly pid: number;
  readonly time: number;
  /** `exited on signal 9`. */
  readonly how: string;
}

export interface ProcessReport {
  readonly generation: number;
  readonly since: number;
  readonly started: number;
  /** Newest first. */
  readonly reloads: readonly ReloadState[];
  /** Number of workers that the configuration asks for, and of those that serve. */
  readonly wantedWorkers: number;
  readonly servingWorkers: number;
  /** The last ones, oldest first. */
  readonly lostWorkers: readonly LostWorkerReport[];
}

/** A text of a configuration; secrets in it are replaced. */
export interface ConfigurationText {
  readonly file: string;
  readonly text: string;
  /** Bytes of the text that were left out at its end, because it is too long. */
  readonly omitted: number;
}

export interface ConfigurationReport {
  readonly generation: number;
  readonly texts: readonly ConfigurationText[];
  readonly findings: readonly JsonFinding[];
  /** Whether the files on disk differ from these texts. */
  readonly changedOnDisk: boolean;
}

/** A generation of which the texts are kept. */
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

/** Answer to a question that cannot be answered. */
export interface Refusal {
  readonly refused: string;
  /** Whether the question is at fault (a malformed request, an unknown generation). */
  readonly fault: 'question' | 'process';
}
