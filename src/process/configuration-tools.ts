/**
 * Tools of higher layers that examine configurations, for questions of the console. The program that creates an instance
 * passes a function that imports them when the first question needs them, so that serving loads none of them.
 */
import type { ExplainForm } from '../console/process-questions.js';
import type { Finding } from '../diagnostics/finding.js';
import type { Module } from '../program/module.js';
import type { ConfigSource } from './configuration.js';

/** Error: a question that cannot be answered because of its contents or the configuration; the message is text. */
export class CannotAnswer extends Error {}

export interface ConfigurationTools {
  /** All findings about a configuration, of the check and of lints that read nothing but its text. */
  findings(source: ConfigSource, modules: readonly Module[]): Promise<readonly Finding[]>;
  /** How a configuration processes a request: as text, and as data. Rejects with CannotAnswer. */
  explain(
    source: ConfigSource,
    modules: readonly Module[],
    form: ExplainForm,
  ): Promise<{ readonly text: string; readonly explanation: unknown }>;
  /** Differences of a file in the format of `diff -u`; empty if there are none. Bytes. */
  unifiedDiff(name: string, before: string, after: string): string;
}

export type LoadTools = () => Promise<ConfigurationTools>;
