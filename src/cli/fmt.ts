/** `tsproxy fmt`: formats configurations canonically. */

import { statSync } from 'node:fs';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import { type FormattedFile, formatFiles, STANDARD_INPUT } from '../format/files.js';
import { replaceFile } from '../format/replace-file.js';
import { printError } from '../process/standard-streams.js';
import { printFindings } from './print-findings.js';
import { writeOut } from './stdout.js';
import { UsageError } from './usage-error.js';

export interface FmtOptions {
  /** Write nothing; list the files that would change, and fail if there are any. */
  readonly check?: true;
  /** Write nothing; print the changes. */
  readonly diff?: true;
  /** Include the files that are included. */
  readonly recursive?: true;
}

/** Formats files, or standard input if none are given. Returns the exit code. */
export async function fmt(files: readonly string[], options: FmtOptions): Promise<number> {
  if (files.length === 0 && process.stdin.isTTY) {
    throw new UsageError('name the files to format, or - for standard input');
  }
  const showDiff = options.diff ? (await import('../format/unified-diff.js')).unifiedDiff : null;
  let code = 0;
  const names: string[] = [];
  for (const file of files.length === 0 ? ['-'] : files) {
    const inside = await filesOf(toBytes(file));
    if (inside.length === 0) {
      printError(`tsproxy: [emerg] no configuration file in "${file}"`);
      code = 1;
    }
    names.push(...inside);
  }
  for (const file of formatFiles(names, options.recursive === true)) {
    if (file.after === null) {
      printFindings(file.findings);
      code = 1;
    } else if (showDiff !== null || options.check) {
      if (file.before === file.after) continue;
      writeOut(showDiff === null ? `${file.name}\n` : showDiff(file.name, file.before ?? '', file.after));
      if (options.check) code = 1;
    } else if (!write(file, file.after)) {
      code = 1;
    }
  }
  return code;
}

/** Files to format: those of a directory that are nginx's, without templates whose tags the formatter would not understand. */
async function filesOf(name: string): Promise<readonly string[]> {
  if (name === '-' || statSync(nativePath(name), { throwIfNoEntry: false })?.isDirectory() !== true) return [name];
  const { Tree } = await import('../fragments/tree.js');
  const [{ EnclosingDetector }, { modules }] = await Promise.all([
    import('../fragments/enclosing.js'),
    import('../modules/index.js'),
  ]);
  const { files } = new Tree(name.endsWith('/') ? name : `${name}/`, new EnclosingDetector(modules));
  return files.filter(({ template }) => template === null).map(({ path }) => path.replace(/^\.\//, ''));
}

/** Writes a changed file, or the text of standard input in any case. Prints the reason on failure. */
function write({ name, before }: FormattedFile, after: string): boolean {
  if (name === STANDARD_INPUT) {
    writeOut(after);
    return true;
  }
  if (before === after) return true;
  try {
    replaceFile(name, after);
  } catch (error) {
    printError(`tsproxy: [emerg] ${toText(name)} cannot be written (${errnoText(error)})`);
    return false;
  }
  printError(`tsproxy: formatted ${toText(name)}`);
  return true;
}
