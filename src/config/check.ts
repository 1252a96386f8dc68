/** Checks a configuration: text in, everything that is to be said about it out, and plain data where it is right. */
import type { Source, Span } from '../../grammar/syntax-tree.js';

import type { Finding } from '../diagnostics/finding.js';
import { COMMAND_LINE } from '../diagnostics/place.js';
import type { Directories } from './arguments.js';
import { atOnce } from './at-once.js';
import { BlockChecker, type BlockRecord } from './block-checker.js';
import { Catalogue } from './catalogue.js';
import { CheckState } from './check-state.js';
import type { CheckedConfig } from './checked-config.js';
import { type Expansion, Includes } from './include.js';
import { runModuleChecks } from './module-checks.js';
import type { ModuleDeclaration } from './module-declaration.js';
import { type ConfigReader, diskReader, readFailure } from './reader.js';
import { checkVariables } from './variable-check.js';

/** Paths and texts are byte strings (latin1). */
export interface CheckOptions {
  /** Where included files come from; the disk unless given. */
  readonly reader?: ConfigReader;
  /** nginx's prefix (`-p`): where paths of files to serve and to log to start from. The directory of the root unless given. */
  readonly prefix?: string;
  /** Where `include` and certificates start from. The directory of the root unless given. */
  readonly confDirectory?: string;
  /** Directives of the outermost level to be read before the file (`-g`). */
  readonly globals?: string;
}

export interface CheckResult {
  /** Null where there is an error among the findings. */
  readonly config: CheckedConfig | null;
  /** In the order of their places; what is about no place comes first. */
  readonly findings: readonly Finding[];
  /** Every text that was read, in order: the root and what it includes. */
  readonly sources: readonly Source[];
  /** What was written, for those who look at the whole of it; null where the file could not be read. */
  readonly expansion: Expansion | null;
  /** Every block with its statements, the outer before the inner ones; those that the checker went into. */
  readonly records: readonly BlockRecord[];
}

/** Checks a text and everything it includes. Collects all findings of all files; throws nothing for a bad text. */
export function check(root: Source, modules: readonly ModuleDeclaration[], options: CheckOptions = {}): CheckResult {
  return atOnce(checkInSteps(root, modules, options));
}

/** The same in steps of a statement, a block or a file, between which who serves can do something else. */
export function* checkInSteps(
  root: Source,
  modules: readonly ModuleDeclaration[],
  options: CheckOptions = {},
): Generator<void, CheckResult> {
  const notes = new CheckState();
  // Apart: it is found while statements are read whose notes may be taken back, and has nothing to do with them.
  const reading = new CheckState();
  const directories = directoriesOf(root.name, options);
  const catalogue = new Catalogue(modules);
  const includes = new Includes(options.reader ?? diskReader, directories.conf, reading, (name) =>
    catalogue.opensBlock(name),
  );
  const globals =
    options.globals === undefined ? [] : includes.open({ name: COMMAND_LINE, text: options.globals }, [], 'parameter');
  const items = [...globals, ...includes.open(root)];
  yield;
  const statements = yield* includes.expandInSteps(items);

  const checker = new BlockChecker(catalogue, includes, directories, notes);
  const config = yield* checker.main(statements, { file: root.name, line: 1, column: 1 });
  if (!config.own.includes('events')) {
    notes.report(null, 'missing-events', 'no "events" section in configuration', {
      // A file that is empty, or was written only in part, must not end what is being served.
      severity: config.own.includes('http') ? 'warning' : 'error',
      help: 'tsproxy needs none, but nginx refuses a file without it; an empty "events { }" will do. Where there is no "http" section either, there is nothing to serve',
    });
  }
  checkVariables(catalogue, notes);
  yield;
  yield* runModuleChecks(modules, config, checker.records, notes);
  return {
    config: notes.hasErrors || reading.hasErrors ? null : config,
    findings: arrange([...reading.findings, ...notes.findings], includes.sources, includes),
    sources: includes.sources,
    expansion: includes.expansion(statements),
    records: checker.records,
  };
}

/** Reads a file and checks it. A file that cannot be read is a finding like any other. */
export function checkFile(
  path: string,
  modules: readonly ModuleDeclaration[],
  options: CheckOptions = {},
): CheckResult {
  return atOnce(checkFileInSteps(path, modules, options));
}

/** The same in steps, as `checkInSteps`. */
export function* checkFileInSteps(
  path: string,
  modules: readonly ModuleDeclaration[],
  options: CheckOptions = {},
): Generator<void, CheckResult> {
  let text: string;
  try {
    text = (options.reader ?? diskReader).read(path);
  } catch (error) {
    const message = readFailure(path, error);
    return {
      config: null,
      findings: [{ code: 'file-not-found', severity: 'error', message, at: null }],
      sources: [],
      expansion: null,
      records: [],
    };
  }
  return yield* checkInSteps({ name: path, text }, modules, options);
}

function directoriesOf(rootName: string, { confDirectory, prefix }: CheckOptions): Directories {
  const own = rootName.slice(0, rootName.lastIndexOf('/') + 1);
  const conf = confDirectory === undefined ? own : withSlash(confDirectory);
  return { conf, prefix: prefix === undefined ? conf : withSlash(prefix) };
}

function withSlash(directory: string): string {
  return directory === '' || directory.endsWith('/') ? directory : `${directory}/`;
}

/** Sorts by place, drops what was found twice because a file is included twice, and adds the includes that led there. */
export function arrange(
  findings: readonly Finding[],
  sources: readonly Source[],
  includes: Pick<Expansion, 'trailOf'>,
): Finding[] {
  const order = new Map(sources.map((source, i) => [source, i]));
  const rank = (at: Span | null) => (at === null ? -1 : (order.get(at.source) ?? 0));
  const seen = new Set<string>();
  const distinct = findings.filter(({ code, message, at }) => {
    const key = JSON.stringify([code, message, at?.source.name, at?.start]);
    return seen.size < seen.add(key).size;
  });
  return distinct
    .sort((a, b) => rank(a.at) - rank(b.at) || (a.at?.start ?? 0) - (b.at?.start ?? 0))
    .map((finding) => {
      const trail = finding.at === null ? [] : includes.trailOf(finding.at.source);
      return trail.length === 0 ? finding : { ...finding, includedFrom: trail };
    });
}
