/** Where a configuration comes from, and what checking it gave. */
import { positionOf } from '../../grammar/positions.js';
import { atOnce } from '../config/at-once.js';
import { type CheckOptions, type CheckResult, checkFileInSteps, checkInSteps } from '../config/check.js';
import type { ConfigReader } from '../config/reader.js';
import type { Finding } from '../diagnostics/finding.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import { COMMAND_LINE } from '../diagnostics/place.js';
import type { Module } from '../exchange/module.js';
import { inSlices } from '../exchange/time-slice.js';

/** A configuration as it was given. All strings are bytes. */
export interface ConfigSource {
  /** Absolute path of the file; for a text, the name that findings show. */
  readonly name: string;
  /** The text; null to read the file each time. */
  readonly text: string | null;
  /** Where `include` starts from, where it is not the file's directory. */
  readonly confDirectory?: string;
  /** nginx's prefix (`-p`), absolute, with a slash at its end. */
  readonly prefix: string;
  /** Directives ahead of the text (`-g`). */
  readonly globals?: string;
  /** Where files come from; the disk unless given. */
  readonly reader?: ConfigReader;
}

/** Reads and checks. What comments silence is not among the findings. */
export function checkSource(source: ConfigSource, modules: readonly Module[]): CheckResult {
  return heard(checkAloud(source, modules));
}

/** Without what comments silence. */
function heard(result: CheckResult): CheckResult {
  return { ...result, findings: new IgnoreComments(result.sources).heard(result.findings) };
}

/** The same as `checkSource`, in slices: what the process serves goes on. */
export async function checkInSlices(source: ConfigSource, modules: readonly Module[]): Promise<CheckResult> {
  return heard(await inSlices(checkSteps(source, modules)));
}

/** Reads and checks, with the findings that comments silence: for those who add to them. */
export function checkAloud(source: ConfigSource, modules: readonly Module[]): CheckResult {
  return atOnce(checkSteps(source, modules));
}

function checkSteps(source: ConfigSource, modules: readonly Module[]): Generator<void, CheckResult> {
  const options: CheckOptions = {
    prefix: source.prefix,
    ...(source.confDirectory !== undefined && { confDirectory: source.confDirectory }),
    ...(source.globals !== undefined && { globals: source.globals }),
    ...(source.reader !== undefined && { reader: source.reader }),
  };
  return source.text === null
    ? checkFileInSteps(source.name, modules, options)
    : checkInSteps({ name: source.name, text: source.text }, modules, options);
}

/** Where `include` and certificates start from, with a slash at its end. */
export function confDirectoryOf({ name, confDirectory }: ConfigSource): string {
  const directory = confDirectory ?? name.slice(0, name.lastIndexOf('/') + 1);
  return directory === '' || directory.endsWith('/') ? directory : `${directory}/`;
}

/** A finding as nginx writes it into its error log: the sentence and ` in FILE:LINE`. Bytes. */
export function logSentence({ message, at }: Finding): string {
  if (at === null) return message;
  const { name } = at.source;
  return `${message} in ${name === COMMAND_LINE ? name : `${name}:${positionOf(at.source, at.start).line}`}`;
}
