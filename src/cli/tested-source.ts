/**
 * The configurations that commands read: files, parts of a configuration such as a site, directories of either, output of
 * `nginx -T`, and standard input.
 */

import { existsSync, statSync } from 'node:fs';
import { parse } from '../../grammar/parser.js';
import { isStatement, type Statement } from '../../grammar/syntax-tree.js';
import { type ConfigReader, diskReader, includedFiles } from '../config/reader.js';
import { toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { directoriesAbove, directoryOf } from '../files/directories.js';
import { nativePath } from '../files/native-path.js';
import type { Enclosing } from '../fragments/blocks.js';
import { dumpReader, readDump } from '../fragments/dump.js';
import { EnclosingDetector, hasOnlyIncludes, hasSection } from '../fragments/enclosing.js';
import { assumptions, findingsOfParts } from '../fragments/outside.js';
import { type Part, wrapped } from '../fragments/part.js';
import { isTemplateName, type MaskedTemplate, maskTags, withoutPlaceholders } from '../fragments/template.js';
import { Tree } from '../fragments/tree.js';
import type { CheckedModules } from '../process/checked-modules.js';
import type { ConfigSource } from '../process/configuration.js';
import type { Diagnosis } from './diagnosis.js';
import type { ConfigSelection } from './invocation.js';
import { sourceOf, workingDirectory } from './paths.js';

/** A text to examine, and its name in messages. */
export interface Tested {
  readonly source: ConfigSource;
  /** Name in messages. Bytes. */
  readonly name: string;
  /** Files that are tested as parts of a configuration; empty for a whole one. */
  readonly parts: readonly Part[];
  /** Whether the text is a whole configuration of this machine. */
  readonly machine: boolean;
  /** Templates among its files, by name. */
  readonly templates: ReadonlyMap<string, MaskedTemplate | null>;
  /** Receives, while the text is read, includes of files that are elsewhere: the rest of the configuration. */
  readonly missing: ReadonlySet<string>;
}

/** The texts that one argument names. */
export interface TestedArgument {
  /** Name in messages. Bytes. */
  readonly name: string;
  readonly texts: readonly Tested[];
  /** Set for a directory. */
  readonly tree: Tree | null;
  /** Text of standard input or of a pipe, which can be read only once; null otherwise. */
  readonly given: string | null;
}

/** File names of the main configuration of a directory. */
const WHOLE = ['nginx.conf', 'conf/nginx.conf'];

/** Name of standard input as an argument, and in messages. */
const STANDARD_INPUT = '-';
export const STANDARD_INPUT_NAME = '/dev/stdin';

const NONE_MISSING: ReadonlySet<string> = new Set();
const NO_TEMPLATES: ReadonlyMap<string, MaskedTemplate | null> = new Map();

/**
 * Resolves an argument; throws nginx's message if a directory has nothing to test.
 *
 * @param as the block of parts, instead of the detected one
 * @param before text of standard input or of a pipe that was read before
 */
export async function testedArgument(
  which: ConfigSelection,
  as: Enclosing | null = null,
  before: string | null = null,
): Promise<TestedArgument> {
  const source = sourceOf(which.file === STANDARD_INPUT ? { ...which, file: STANDARD_INPUT_NAME } : which);
  const { name } = source;
  if (isDirectory(name)) return testedDirectory(which, source, as);
  const isInput = which.file === STANDARD_INPUT;
  const isGiven = isInput || isPipe(name);
  const text = before ?? (isInput ? (await import('../format/files.js')).readStandardInput() : textOf(name));
  const given = isGiven ? text : null;
  const dump = text.includes('# configuration file ') ? readDump(text) : null;
  if (dump !== null) {
    const tested = { ...source, name: dump.main, reader: dumpReader(dump) };
    const block = as ?? (await enclosingOf(dump.main, dump.texts.get(dump.main) ?? '', ''));
    const dumped: Part[] = block === null ? [] : [{ name: dump.main, enclosing: block }];
    return {
      name,
      tree: null,
      given,
      texts: [{ source: tested, name, parts: dumped, machine: false, templates: NO_TEMPLATES, missing: NONE_MISSING }],
    };
  }
  const working = workingDirectory();
  const directory = isGiven ? working : confDirectoryAbove(name);
  const enclosing = as ?? (await enclosingOf(name, text, directory));
  const isSample = isTemplateName(name);
  const template = isSample ? maskTags(text) : null;
  const templates = isSample ? new Map([[name, template]]) : NO_TEMPLATES;
  const parts: Part[] = enclosing === null ? [] : [{ name, enclosing }];
  const replaced = isGiven || template !== null ? readerWith(name, template?.text ?? text) : diskReader;
  const reader =
    parts.length > 0 || isSample ? readerOfPart(replaced, directory) : replaced === diskReader ? undefined : replaced;
  const tested: ConfigSource = {
    ...source,
    ...((parts.length > 0 || isGiven) && { confDirectory: directory }),
    ...(reader !== undefined && { reader }),
  };
  const machine = parts.length === 0 && !isSample;
  const texts = [{ source: tested, name, parts, machine, templates, missing: NONE_MISSING }];
  return { name, tree: null, given, texts };
}

/**
 * The one configuration that an argument means: the only whole one of a directory, or all its sites together. Throws if there
 * are several.
 */
export async function testedConfiguration(which: ConfigSelection, as: Enclosing | null = null): Promise<Tested> {
  const { name, texts, tree } = await testedArgument(which, as);
  const [first] = texts;
  if (first === undefined) throw new Error(`no configuration file in "${name}"`);
  if (tree === null) return first;
  const wholes = texts.filter(({ parts }) => parts.length === 0);
  const main = wholes.filter(({ source }) => WHOLE.some((file) => source.name === tree.directory + file));
  const [only, another] = main.length > 0 ? main : wholes;
  if (another !== undefined) {
    const names = wholes.map(({ source }) => source.name).join(', ');
    throw new Error(`several configurations in "${name}": name one of ${names}`);
  }
  if (only !== undefined) return only;
  const parts = texts.flatMap((each) => each.parts);
  const outermost = (['http', 'server', 'location'] as const).find((block) =>
    parts.some((each) => each.enclosing === block),
  );
  const used = parts.filter(({ enclosing }) => enclosing === outermost || enclosing === 'upstream');
  return { ...first, name, source: { ...first.source, confDirectory: tree.directory }, parts: used };
}

/** Every configuration of a directory, each part on its own. */
async function testedDirectory(
  which: ConfigSelection,
  source: ConfigSource,
  as: Enclosing | null,
): Promise<TestedArgument> {
  const directory = source.name.endsWith('/') ? source.name : `${source.name}/`;
  const { modules } = await import('../modules/index.js');
  const tree = new Tree(directory, new EnclosingDetector(modules));
  if (tree.files.length === 0) throw new Error(`no configuration file in "${directory}"`);
  const templates = new Map<string, MaskedTemplate | null>();
  for (const { path, template } of tree.files) {
    if (template !== null || isTemplateName(path)) templates.set(path, template);
  }
  const texts = tree.roots().map(({ path, enclosing }): Tested => {
    const parts = enclosing === null ? [] : [{ name: path, enclosing: as ?? enclosing }];
    const own = directoryOf(path);
    const confDirectory = enclosing === null ? own : tree.confDirectory(path);
    // As if nginx were started there with `-p`, unless a prefix is given.
    const prefix = which.prefix === undefined ? own : source.prefix;
    const missing = new Set<string>();
    const reader = tree.reader(path, missing);
    return {
      source: { ...source, name: path, prefix, confDirectory, reader },
      name: path,
      parts,
      machine: false,
      templates,
      missing,
    };
  });
  return { name: source.name, texts, tree, given: null };
}

/** Result of examining a text. */
export interface Examined<T> {
  readonly result: T;
  /** The configuration that was examined. */
  readonly source: ConfigSource;
  /** Directives that were assumed to be in the rest of the configuration. */
  readonly assumed: readonly string[];
}

/**
 * Examines a text. Parts are examined inside their enclosing blocks; names that they do not define are assumed to be
 * defined in the rest of the configuration, for which they are examined again.
 *
 * @param around directives of `http` around parts
 */
export async function examine<T>(
  tested: Tested,
  check: (source: ConfigSource) => T | Promise<T>,
  findingsOf: (result: T) => readonly Finding[],
  around: readonly string[] = [],
): Promise<Examined<T>> {
  const source = wholeOf(tested, around);
  const result = await check(source);
  const assumed = tested.parts.length === 0 ? [] : assumptions(findingsOf(result));
  if (assumed.length === 0) return { result, source, assumed };
  const completed = wholeOf(tested, [...around, ...assumed]);
  return { result: await check(completed), source: completed, assumed };
}

/** Diagnoses a text, as `examine` does. */
export async function diagnoseTested(
  tested: Tested,
  diagnose: (source: ConfigSource, machine: boolean) => Promise<Diagnosis>,
): Promise<Diagnosis> {
  const { result } = await examine(
    tested,
    (source) => diagnose(source, tested.machine),
    ({ findings }) => findings,
  );
  return { ...result, findings: conclusive(tested, result.findings) };
}

/** Result of checking a text. */
export interface CheckedText extends CheckedModules {
  /** Parts that have errors, or include files with errors, so that there is no configuration. */
  readonly failing: readonly Part[];
}

/** Checks a text, as `examine` does. */
export async function checkTested(
  tested: Tested,
  check: (source: ConfigSource) => Promise<CheckedModules>,
): Promise<CheckedText> {
  const { result: checked } = await examine(tested, check, ({ result: { findings } }) => findings);
  const { result } = checked;
  const failing = result.config === null ? partsWithErrors(tested.parts, result.findings) : [];
  return { ...checked, failing, result: { ...result, findings: conclusive(tested, result.findings) } };
}

function partsWithErrors(parts: readonly Part[], findings: readonly Finding[]): Part[] {
  const names = new Set<string>();
  for (const { severity, at, includedFrom = [] } of findings) {
    if (severity === 'error') for (const span of [at, ...includedFrom]) if (span !== null) names.add(span.source.name);
  }
  return parts.filter(({ name }) => names.has(name));
}

/** Findings that hold whatever the rest of the configuration and the values of placeholders are. */
export function conclusive({ parts, templates, missing }: Tested, findings: readonly Finding[]): readonly Finding[] {
  const isComplete = parts.length === 0 && missing.size === 0;
  const holding = isComplete ? findings : findingsOfParts(findings);
  return templates.size === 0 ? holding : withoutPlaceholders(holding, (path) => templates.get(path));
}

/** The configuration itself, or one that encloses its parts. */
export function wholeOf({ source, parts }: Tested, assumed: readonly string[] = []): ConfigSource {
  if (parts.length === 0) return source;
  const whole = wrapped(source, parts, assumed);
  if (whole === null) throw new Error(`"${source.name}" cannot be included: its name has a wildcard in it`);
  return whole;
}

/** Characters that are parsed to classify a file; the check itself refuses files that are too long. */
const MAX_PARSED = 200_000;

/** The block that a file belongs into; null for a whole configuration, and for an unreadable file, which the check reports. */
async function enclosingOf(name: string, text: string, directory: string): Promise<Enclosing | null> {
  if (text === '' || hasSection(text)) return null; // Without loading any module.
  const { modules } = await import('../modules/index.js');
  const statements = statementsOf(name, text);
  const examined = hasOnlyIncludes(statements) ? included(statements, directory) : statements;
  const enclosing = new EnclosingDetector(modules).enclosing(examined);
  return enclosing === 'main' ? null : enclosing;
}

function statementsOf(name: string, text: string): Statement[] {
  return parse({ name, text: text.slice(0, MAX_PARSED) }).items.filter(isStatement);
}

/** Statements of the included files. */
function included(includes: readonly Statement[], directory: string): Statement[] {
  const reader = readerOfPart(diskReader, directory);
  return includes
    .flatMap(({ args }) => (args[0] === undefined ? [] : includedFiles(args[0].text, directory, reader)))
    .flatMap((path) => statementsOf(path, textOf(path)));
}

/** Text of the file; empty if it cannot be read. */
function textOf(name: string): string {
  try {
    return diskReader.read(name);
  } catch {
    return '';
  }
}

/** Reads one file from memory: a pipe can be read only once. */
function readerWith(name: string, text: string): ConfigReader {
  return { ...diskReader, read: (path) => (path === name ? text : diskReader.read(path)) };
}

/** Directories above that of a part in which its relative includes are looked for. */
const MAX_LEVELS = 6;

/**
 * Reads the includes of a part as far as they are here: relative ones from its directory or those above, because the
 * directory that the whole configuration is read from is unknown.
 */
function readerOfPart(reader: ConfigReader, directory: string): ConfigReader {
  const above = [directory];
  for (let at = directory; at.length > 1 && above.length < MAX_LEVELS; ) {
    at = at.slice(0, at.lastIndexOf('/', at.length - 2) + 1);
    above.push(at);
  }
  return {
    ...reader,
    resolve(path) {
      if (existsSync(nativePath(path)) || isPipe(path)) return [path];
      const relative = path.startsWith(directory) ? path.slice(directory.length) : null;
      for (const each of relative === null ? [] : above) {
        const found = reader.expand(each + relative);
        if (found.length > 0) return found;
      }
      return reader.expand(path);
    },
  };
}

/** Directory for includes: the nearest one at or above a path with an `nginx.conf`, else the path's own. */
function confDirectoryAbove(path: string): string {
  for (const at of directoriesAbove(path)) if (existsSync(nativePath(`${at}nginx.conf`))) return at;
  return directoryOf(path);
}

function isDirectory(path: string): boolean {
  return statSync(nativePath(path), { throwIfNoEntry: false })?.isDirectory() === true;
}

function isPipe(path: string): boolean {
  const stat = statSync(nativePath(path), { throwIfNoEntry: false });
  return stat !== undefined && !stat.isFile() && !stat.isDirectory();
}

/** Sentence about how a text was tested; null for a whole configuration. */
export function testedAs({ name, parts }: Tested): string | null {
  const [first] = parts;
  if (first === undefined) return null;
  return `${toText(name)} is a part of a configuration: tested as the content of "${first.enclosing}"`;
}
