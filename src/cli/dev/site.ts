/** A configuration as the development view runs it. */
import type { ConfigSource } from '../../process/configuration.js';
import type { Module } from '../../program/module.js';
import type { BoundAddress } from '../../server/binder.js';
import type { FileVersions } from './file-changes.js';

/** Something that differs from the configuration as written, or that is missing on this machine. */
export interface Notice {
  /** The directive or option, in a few words. */
  readonly subject: string;
  readonly text: string;
  /** Text for many notices of the kind, without their details. */
  readonly summary?: string;
  /** Whether the site does not work as intended without an action of the user. */
  readonly warning?: true;
}

/** A URL of a server. */
export interface SiteUrl {
  readonly url: string;
  /** Server names, and the place of the server; empty if nothing is to be added. */
  readonly details: string;
}

/** A prepared configuration. */
export interface PreparedSite {
  readonly source: ConfigSource;
  readonly urls: readonly SiteUrl[];
  readonly notices: readonly Notice[];
  /** URL of the console; null if there is none. */
  readonly consoleUrl: string | null;
  /**
   * Files and patterns whose changes reload the configuration, with their versions before they were read; complete when the
   * configuration has been checked.
   */
  readonly watched: FileVersions;
}

/** A site that is prepared at the start and again for each reload. */
export interface Site {
  /** Name of the configuration in the banner. */
  readonly title: string;
  /** Name of the command in the banner. Default: `tsproxy dev`. */
  readonly command?: string;
  readonly modules: readonly Module[];
  /** Rejects with RefusedConfig. */
  prepare(): Promise<PreparedSite>;
  /** URLs of the addresses that were bound, if they are not known before. */
  urlsOf?(bound: readonly BoundAddress[]): readonly SiteUrl[];
  /**
   * A port that `prepare` has chosen is in use by now: the next call chooses others. Returns false if there is no choice.
   */
  portsTaken?(): boolean;
  /** Whether a message of the error log is left out, because the line of its request says the same. */
  hidesError?(message: string): boolean;
  /** Releases what `prepare` has created, when the command ends. */
  close?(): void;
}
