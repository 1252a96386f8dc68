/** `--fix`: applies the fixes that need no confirmation to all files of a configuration, and checks the result. */

import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Source } from '../../grammar/syntax-tree.js';
import { type ConfigReader, diskReader } from '../config/reader.js';
import { toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import type { Finding } from '../diagnostics/finding.js';
import { applyFixes, fixable } from '../diagnostics/fixes.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import { unifiedDiff } from '../format/unified-diff.js';
import { lint } from '../lints/engine/run.js';
import { lints } from '../lints/index.js';
import { type ConfigSource, confDirectoryOf } from '../process/configuration.js';
import { checkNamed } from '../process/named-modules.js';
import { printError } from '../process/standard-streams.js';
import { workingDirectory } from './paths.js';
import { type Replacement, replaceFiles } from './replace-files.js';
import { writeOut } from './stdout.js';

export interface FixResult {
  /** Changed files, in the order in which they were read. */
  readonly files: readonly Replacement[];
  /** Number of fixes applied. */
  readonly fixed: number;
}

/** Rounds of fixing and checking again, because an error may hide others; the remaining ones need another run. */
const MAX_ROUNDS = 10;

/** Fixes that are tried one by one if applying all of them made things worse. */
const MAX_SINGLE = 50;

/** Fixes a configuration in memory. A fix that increases the number of errors is left out. */
export async function fixInMemory(source: ConfigSource, ignored: ReadonlySet<string>): Promise<FixResult> {
  const files = new Files(source.reader ?? diskReader);
  let fixed = 0;
  let findings = await findingsOf(source, files, ignored);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const candidates = fixable(findings);
    const attempt = (await tried(candidates)) ?? (await oneByOne(candidates.slice(0, MAX_SINGLE)));
    if (attempt === null) break;
    fixed += attempt.count;
    findings = attempt.findings;
  }
  return { files: files.changed(), fixed };

  /** Applies fixes and keeps them unless they make things worse; null if nothing was changed. */
  async function tried(candidates: readonly Finding[]) {
    const { texts, applied } = applyFixes(candidates, (each) => files.pathOf(each));
    if (applied.length === 0) return null;
    const undo = files.put(texts);
    const after = await findingsOf(source, files, ignored);
    if (errorsIn(after) <= errorsIn(findings)) return { findings: after, count: applied.length };
    undo();
    return null;
  }

  /** Applies the first fix that does not make things worse; the next round continues from there. */
  async function oneByOne(candidates: readonly Finding[]) {
    if (candidates.length < 2) return null;
    for (const candidate of candidates) {
      const attempt = await tried([candidate]);
      if (attempt !== null) return attempt;
    }
    return null;
  }
}

/** Fixes the files and lists them; if they cannot be written, prints the reason and changes nothing. */
export async function applyToFiles(source: ConfigSource, ignored: ReadonlySet<string>): Promise<void> {
  const { files, fixed } = await fixInMemory(source, ignored);
  if (files.length > 0) {
    try {
      replaceFiles(files);
    } catch (error) {
      const why = error instanceof Error && !('errno' in error) ? error.message : errnoText(error);
      printError(`tsproxy: nothing was fixed: ${toText(why)}`);
      return;
    }
  }
  printError(`tsproxy: ${fixed === 0 ? 'no fixes to apply' : `fixed ${counted(fixed, files)}`}`);
}

/** Prints the changes to standard output. */
export async function showDiff(source: ConfigSource, ignored: ReadonlySet<string>): Promise<void> {
  const { files, fixed } = await fixInMemory(source, ignored);
  const here = workingDirectory();
  for (const { path, before, after } of files) {
    writeOut(unifiedDiff(path.startsWith(here) ? path.slice(here.length) : path, before, after));
  }
  printError(`tsproxy: ${fixed === 0 ? 'no fixes to apply' : `--fix would fix ${counted(fixed, files)}`}`);
}

function counted(fixed: number, files: readonly Replacement[]): string {
  const names = files.map(({ path }) => toText(path)).join(', ');
  return `${fixed} finding${fixed === 1 ? '' : 's'} in ${names}`;
}

async function findingsOf(
  source: ConfigSource,
  reader: ConfigReader,
  ignored: ReadonlySet<string>,
): Promise<readonly Finding[]> {
  const { result } = await checkNamed({ ...source, reader });
  const { findings, sources } = lint(result, lints, { directory: confDirectoryOf(source) });
  return new IgnoreComments(sources)
    .unsuppressed(findings)
    .filter(({ code, severity }) => severity === 'error' || !ignored.has(code));
}

function errorsIn(findings: readonly Finding[]): number {
  return findings.filter(({ severity }) => severity === 'error').length;
}

/** Files of a configuration with their changed texts. A file reached by several names (links) is one. */
class Files implements ConfigReader {
  readonly resolve?: (path: string) => readonly string[];
  private readonly texts = new Map<string, string>();
  private readonly paths = new Map<string, string | null>();

  constructor(private readonly reader: ConfigReader) {
    if (reader.resolve !== undefined) this.resolve = reader.resolve.bind(reader);
  }

  read(name: string): string {
    const path = this.real(name);
    return (path === null ? undefined : this.texts.get(path)) ?? this.reader.read(name);
  }

  expand(pattern: string): readonly string[] {
    return this.reader.expand(pattern);
  }

  /** File of a source; null if it cannot be written. */
  pathOf(source: Source): string | null {
    return source.name.startsWith('/') ? this.real(source.name) : null;
  }

  /** Replaces texts; returns a function that restores the previous ones. */
  put(texts: ReadonlyMap<string, string>): () => void {
    const before = new Map(this.texts);
    for (const [path, text] of texts) this.texts.set(path, text);
    return () => {
      this.texts.clear();
      for (const [path, text] of before) this.texts.set(path, text);
    };
  }

  changed(): Replacement[] {
    return [...this.texts]
      .map(([path, after]) => ({ path, before: readFileSync(Buffer.from(path, 'latin1'), 'latin1'), after }))
      .filter(({ before, after }) => before !== after);
  }

  private real(name: string): string | null {
    let path = this.paths.get(name);
    if (path === undefined) {
      path = realFile(name);
      this.paths.set(name, path);
    }
    return path;
  }
}

/** File behind a name; null if it is not a regular file (a pipe). */
function realFile(name: string): string | null {
  try {
    const path = realpathSync(Buffer.from(name, 'latin1'), { encoding: 'buffer' });
    return statSync(path).isFile() ? path.toString('latin1') : null;
  } catch {
    return null;
  }
}
