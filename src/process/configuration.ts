/** The source of a configuration, and the result of checking it. */
import { atOnce } from '../config/at-once.js';
import type { RewriteBlock } from '../config/block-checker.js';
import { type CheckOptions, type CheckResult, checkFileInSteps, checkInSteps } from '../config/check.js';
import type { ConfigReader } from '../config/reader.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import type { Module } from '../program/module.js';
import { inSlices } from '../program/time-slice.js';

/** A configuration as given. All strings are bytes. */
export interface ConfigSource {
  /** Absolute path of the file; for a text, the name shown in findings. */
  readonly name: string;
  /** The text; null to read the file each time. */
  readonly text: string | null;
  /** Directory for relative `include` paths, if other than the file's directory. */
  readonly confDirectory?: string;
  /** nginx's prefix (`-p`), absolute, ending in a slash. */
  readonly prefix: string;
  /** Directives read before the text (`-g`). */
  readonly globals?: string;
  /** Reads the files; from disk unless given. */
  readonly reader?: ConfigReader;
  /** Replaces the statements of each block before they are checked. */
  readonly rewrite?: RewriteBlock;
}

/** Reads and checks. Findings suppressed by comments are left out. */
export function checkSource(source: ConfigSource, modules: readonly Module[]): CheckResult {
  return withoutSuppressed(checkWithSuppressed(source, modules));
}

/** Removes the findings that comments suppress. */
function withoutSuppressed(result: CheckResult): CheckResult {
  return { ...result, findings: new IgnoreComments(result.sources).unsuppressed(result.findings) };
}

/** Like `checkSource`, in slices, so that serving continues. */
export async function checkInSlices(source: ConfigSource, modules: readonly Module[]): Promise<CheckResult> {
  return withoutSuppressed(await inSlices(checkSteps(source, modules)));
}

/** Reads and checks; the findings include those suppressed by comments, for callers that add to them. */
export function checkWithSuppressed(source: ConfigSource, modules: readonly Module[]): CheckResult {
  return atOnce(checkSteps(source, modules));
}

function checkSteps(source: ConfigSource, modules: readonly Module[]): Generator<void, CheckResult> {
  const options: CheckOptions = {
    prefix: source.prefix,
    ...(source.confDirectory !== undefined && { confDirectory: source.confDirectory }),
    ...(source.globals !== undefined && { globals: source.globals }),
    ...(source.reader !== undefined && { reader: source.reader }),
    ...(source.rewrite !== undefined && { rewrite: source.rewrite }),
  };
  return source.text === null
    ? checkFileInSteps(source.name, modules, options)
    : checkInSteps({ name: source.name, text: source.text }, modules, options);
}

/** Directory for relative paths of `include` and certificates, ending in a slash. */
export function confDirectoryOf({ name, confDirectory }: ConfigSource): string {
  const directory = confDirectory ?? name.slice(0, name.lastIndexOf('/') + 1);
  return directory === '' || directory.endsWith('/') ? directory : `${directory}/`;
}
