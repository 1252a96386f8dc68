/** Starts and reloads of a proxy, and the texts of the last configurations, for the console. */

import type { Source } from '../../grammar/syntax-tree.js';
import type { ReloadState } from '../console/state.js';
import { toText } from '../diagnostics/byte-string.js';
import { logMessage } from '../diagnostics/log-message.js';
import type { Module } from '../program/module.js';
import type { ConfigSource } from './configuration.js';
import { ConfigurationSecrets } from './configuration-secrets.js';
import type { RefusedConfig } from './refused-config.js';

const MAX_RELOADS = 50;
/** Errors of a refused configuration that are kept. */
const MAX_ERRORS = 20;
const MAX_CONFIGURATIONS = 10;
/** Bytes of all texts that are kept. */
const MAX_TEXTS = 8 << 20;

/** A configuration as it was read, with the modules to check it with. */
export interface ReadConfiguration {
  readonly source: ConfigSource;
  readonly texts: readonly Source[];
  readonly modules: readonly Module[];
}

/** A generation whose texts are kept. */
export interface KeptConfiguration extends ReadConfiguration {
  readonly generation: number;
  readonly since: number;
}

export class History {
  /** Newest first. */
  private all: ReloadState[] = [];
  private configurations: KeptConfiguration[] = [];
  private keeps = false;
  private succeeded = 0;
  private refusals = 0;

  /** Reloads since the start. */
  get counts(): { readonly reloads: number; readonly refused: number; readonly succeeded: boolean } {
    return { reloads: this.succeeded, refused: this.refusals, succeeded: this.all[0]?.generation !== null };
  }

  /** Newest first. */
  get reloads(): readonly ReloadState[] {
    return this.all;
  }

  /** Oldest first; empty unless the configuration in force has a console. */
  get kept(): readonly KeptConfiguration[] {
    return this.configurations;
  }

  /** Called before a configuration is compiled. */
  begin(): void {
    this.keeps = false;
  }

  /** Called while it is compiled: its texts are kept, and those of its predecessors. */
  keep(): void {
    this.keeps = true;
  }

  /** A configuration has come into force. `lines`: its changes, bytes. */
  started(generation: number, cause: ReloadState['cause'], lines: readonly string[], read: ReadConfiguration): void {
    const since = Date.now();
    this.add({ time: since, generation, cause, lines: lines.map(toText) });
    if (!this.keeps) {
      this.configurations = [];
      return;
    }
    this.configurations = [...this.configurations, { ...read, generation, since }].slice(-MAX_CONFIGURATIONS);
    while (this.configurations.length > 1 && sizeOf(this.configurations) > MAX_TEXTS) this.configurations.shift();
  }

  /**
   * A configuration was refused. `texts`: those that were read, whose secrets are not shown. The reason is kept only if there is
   * a console.
   */
  refused(cause: ReloadState['cause'], { message, findings }: RefusedConfig, texts: readonly Source[]): void {
    if (this.configurations.length === 0) {
      this.add({ time: Date.now(), generation: null, cause, lines: [] });
      return;
    }
    const secrets = new ConfigurationSecrets();
    for (const text of texts) secrets.redact(text);
    const errors = findings.filter(({ severity }) => severity === 'error').map(logMessage);
    const lines = (errors.length === 0 ? [message] : errors).slice(0, MAX_ERRORS);
    const clean = lines.map((line) => toText(secrets.clean(line)));
    if (errors.length > MAX_ERRORS) clean.push(`and ${errors.length - MAX_ERRORS} more errors`);
    this.add({ time: Date.now(), generation: null, cause, lines: clean });
  }

  private add(reload: ReloadState): void {
    this.all = [reload, ...this.all].slice(0, MAX_RELOADS);
    if (reload.cause === 'start') return;
    if (reload.generation === null) this.refusals++;
    else this.succeeded++;
  }
}

/** Bytes of the texts; those that configurations share count once. */
function sizeOf(configurations: readonly KeptConfiguration[]): number {
  const texts = new Set(configurations.flatMap(({ texts }) => texts));
  return [...texts].reduce((sum, { text }) => sum + text.length, 0);
}
