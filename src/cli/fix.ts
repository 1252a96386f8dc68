/** `--fix`: applies the fixes that need no confirmation to all files of a configuration, and checks the result. */

import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import type { Source } from '../../grammar/syntax-tree.js';
import { type ConfigReader, diskReader } from '../config/reader.js';
import { toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import type { Finding } from '../diagnostics/finding.js';
import { applyFixes, fixable } from '../diagnostics/fixes.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import { unifiedDiff } from '../format/unified-diff.js';
import { type MaskedTemplate, maskTags } from '../fragments/template.js';
import { lint } from '../lints/engine/run.js';
import { lints } from '../lints/index.js';
import { confDirectoryOf } from '../process/configuration.js';
import { checkNamed } from '../process/named-modules.js';
import { printError } from '../process/standard-streams.js';
import { workingDirectory } from './paths.js';
import { type Replacement, replaceFiles } from './replace-files.js';
import { writeOut } from './stdout.js';
import { conclusive, examine, STANDARD_INPUT_NAME, type Tested } from './tested-source.js';

export interface FixResult {
  /** Changed files, in the order in which they were read. */
  readonly files: readonly Replacement[];
  /** Number of fixes applied. */
  readonly fixed: number;
  /** Number of fixes for texts that are no files of this machine: those of a dump, or of standard input. */
  readonly elsewhere: number;
}

/** Rounds of fixing and checking again, because an error may hide others; the remaining ones need another run. */
const MAX_ROUNDS = 10;

/** Fixes that are tried one by one if applying all of them made things worse. */
const MAX_SINGLE = 50;

/** Fixes a configuration in memory. A fix that increases the number of errors is left out. */
export async function fixInMemory(tested: Tested, ignored: ReadonlySet<string>): Promise<FixResult> {
  const files = new Files(tested.source.reader ?? diskReader, tested.templates);
  let fixed = 0;
  let findings = await findingsOf(tested, files, ignored);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const candidates = fixable(findings);
    const attempt = (await tried(candidates)) ?? (await oneByOne(candidates.slice(0, MAX_SINGLE)));
    if (attempt === null) break;
    fixed += attempt.count;
    findings = attempt.findings;
  }
  const isElsewhere = ({ fix }: Finding): boolean =>
    fix?.edits.some(({ at }) => files.pathOf(at.source) === null) === true;
  return { files: files.changed(), fixed, elsewhere: fixable(findings).filter(isElsewhere).length };

  /** Applies fixes and keeps them unless they make things worse; null if nothing was changed. */
  async function tried(candidates: readonly Finding[]) {
    const { texts, applied } = applyFixes(candidates, (each) => files.pathOf(each));
    if (applied.length === 0) return null;
    const undo = files.put(texts);
    const after = await findingsOf(tested, files, ignored);
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

/** Fixes the files and lists them; if they cannot be written, prints the reason and changes nothing. Returns whether files changed. */
export async function applyToFiles(tested: Tested, ignored: ReadonlySet<string>): Promise<boolean> {
  const { files, fixed, elsewhere } = await fixInMemory(tested, ignored);
  if (files.length > 0) {
    try {
      replaceFiles(files);
    } catch (error) {
      const why = error instanceof Error && !('errno' in error) ? error.message : errnoText(error);
      printError(`tsproxy: nothing was fixed: ${toText(why)}`);
      return false;
    }
  }
  printResult(fixed === 0 ? null : `fixed ${counted(fixed, files)}`, elsewhere);
  return files.length > 0;
}

/** Prints the changes to standard output. */
export async function showDiff(tested: Tested, ignored: ReadonlySet<string>): Promise<void> {
  const { files, fixed, elsewhere } = await fixInMemory(tested, ignored);
  const here = workingDirectory();
  for (const { path, before, after } of files) {
    writeOut(unifiedDiff(path.startsWith(here) ? path.slice(here.length) : path, before, after));
  }
  printResult(fixed === 0 ? null : `--fix would fix ${counted(fixed, files)}`, elsewhere);
}

/** @param fixed sentence about the files; null if no fix was applied */
function printResult(fixed: string | null, elsewhere: number): void {
  if (elsewhere > 0) printError(`tsproxy: ${elsewhere} not fixed: --fix changes files, not a dump or standard input`);
  if (fixed !== null || elsewhere === 0) printError(`tsproxy: ${fixed ?? 'no fixes to apply'}`);
}

function counted(fixed: number, files: readonly Replacement[]): string {
  const names = files.map(({ path }) => toText(path)).join(', ');
  return `${fixed} finding${fixed === 1 ? '' : 's'} in ${names}`;
}

/** Findings that hold for the texts with their changes, as `-t` reports them: at their places in the original texts. */
async function findingsOf(tested: Tested, files: Files, ignored: ReadonlySet<string>): Promise<readonly Finding[]> {
  const changed: Tested = {
    ...tested,
    source: { ...tested.source, reader: files },
    templates: new Map([...tested.templates.keys()].map((path) => [path, files.template(path)])),
  };
  const { result } = await examine(
    changed,
    async (source) => {
      const { result } = await checkNamed(source);
      return lint(result, lints, { directory: confDirectoryOf(source) });
    },
    ({ findings }) => findings,
  );
  return conclusive(changed, new IgnoreComments(result.sources).unsuppressed(result.findings)).filter(
    ({ code, severity }) => severity === 'error' || !ignored.has(code),
  );
}

function errorsIn(findings: readonly Finding[]): number {
  return findings.filter(({ severity }) => severity === 'error').length;
}

/**
 * Files of a configuration with their changed texts, which are the original ones of templates. A file reached by several names
 * (links) is one.
 */
class Files implements ConfigReader {
  readonly resolve?: (path: string) => readonly string[];
  private readonly texts = new Map<string, string>();
  private readonly paths = new Map<string, string | null>();

  constructor(
    private readonly reader: ConfigReader,
    private readonly templates: ReadonlyMap<string, MaskedTemplate | null>,
  ) {
    if (reader.resolve !== undefined) this.resolve = reader.resolve.bind(reader);
  }

  read(name: string): string {
    const changed = this.changedText(name);
    if (changed === undefined) return this.reader.read(name);
    return this.template(name)?.text ?? changed;
  }

  expand(pattern: string): readonly string[] {
    return this.reader.expand(pattern);
  }

  /** The template of a name with its changes; null if it has no tags or is none. */
  template(name: string): MaskedTemplate | null {
    const given = this.templates.get(name) ?? null;
    const changed = given === null ? undefined : this.changedText(name);
    return changed === undefined ? given : maskTags(changed);
  }

  /** File of a source; null if it cannot be written, or is not where the text is from. */
  pathOf({ name }: Source): string | null {
    return name.startsWith('/') && name !== STANDARD_INPUT_NAME ? this.real(name) : null;
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
      .map(([path, after]) => ({ path, before: diskReader.read(path), after }))
      .filter(({ before, after }) => before !== after);
  }

  private changedText(name: string): string | undefined {
    const path = this.real(name);
    return path === null ? undefined : this.texts.get(path);
  }

  private real(name: string): string | null {
    let path = this.paths.get(name);
    if (path === undefined) {
      path = realFile(name);
      if (path !== null && diskReader.read(path) !== this.original(name)) path = null;
      this.paths.set(name, path);
    }
    return path;
  }

  private original(name: string): string | null {
    try {
      return this.templates.get(name)?.original ?? this.reader.read(name);
    } catch {
      return null;
    }
  }
}

/** File behind a name; null if it is not a regular file (a pipe), or cannot be read. */
function realFile(name: string): string | null {
  try {
    const path = realpathSync(Buffer.from(name, 'latin1'), { encoding: 'buffer' });
    if (!statSync(path).isFile()) return null;
    accessSync(path, constants.R_OK);
    return path.toString('latin1');
  } catch {
    return null;
  }
}
