/**
 * Questions to the process that owns the configuration (the master, or the only process), and its answers. Plain data;
 * strings are text.
 */
import type { COUNTS_QUESTION } from '../program/process-link.js';
import type { ExplainForm } from './configuration-reports.js';
import type { ReloadState } from './state.js';

export type {
  ConfigurationReport,
  ConfigurationText,
  DifferenceReport,
  ExplainForm,
  ExplainReport,
  GenerationTexts,
  ReloadReport,
} from './configuration-reports.js';

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
  /** Number of workers that the configuration requires, and of those that serve. */
  readonly wantedWorkers: number;
  readonly servingWorkers: number;
  /** The last ones, oldest first. */
  readonly lostWorkers: readonly LostWorkerReport[];
}

/** Answer to a question that cannot be answered. */
export interface Refusal {
  readonly refused: string;
  /** Cause: the question (a malformed request, an unknown generation) or the process. */
  readonly fault: 'question' | 'process';
}
