/** Checks a configuration: takes its text and returns all findings, and plain data if it is valid. */
import type { Source, Span, Statement } from '../../grammar/syntax-tree.js';

import type { Finding } from '../diagnostics/finding.js';
import { COMMAND_LINE } from '../diagnostics/place.js';
import type { Directories } from './arguments.js';
import { atOnce } from './at-once.js';
import { BlockChecker, type BlockRecord, type RewriteBlock } from './block-checker.js';
import { Catalogue } from './catalogue.js';
import { CheckState } from './check-state.js';
import type { CheckedConfig } from './checked-config.js';
import { Failures, unbalancedIn, withoutConsequences } from './consequences.js';
import { Environment, type EnvironmentValues } from './environment.js';
import { closeBlocks } from './foreign/closures.js';
import { type Expansion, Includes } from './include.js';
import { runModuleChecks } from './module-checks.js';
import type { ModuleDeclaration } from './module-declaration.js';
import { type ConfigReader, diskReader, readFailure } from './reader.js';
import { checkVariables } from './variable-check.js';

/** Paths and texts are byte strings (latin1). */
export interface CheckOptions {
  /** Source of included files; default: the file system. */
  readonly reader?: ConfigReader;
  /** nginx's prefix (`-p`): base directory of paths of served files and logs. Default: the directory of the root. */
  readonly prefix?: string;
  /** Base directory of `include` and certificates. Default: the directory of the root. */
  readonly confDirectory?: string;
  /** Directives of the outermost level to be read before the file (`-g`). */
  readonly globals?: string;
  /** Source of environment variables (`expand_env`); default: those of the process. */
  readonly environment?: EnvironmentValues;
  /** Replaces the statements of each block before they are checked. Default: they are checked as written. */
  readonly rewrite?: RewriteBlock;
}

export interface CheckResult {
  /** Null if a finding is an error. */
  readonly config: CheckedConfig | null;
  /** Sorted by place; findings without a place come first. */
  readonly findings: readonly Finding[];
  /** Every text that was read, in order: the root and the files it includes. */
  readonly sources: readonly Source[];
  /** The statements as written, with included files in place; null if the file could not be read. */
  readonly expansion: Expansion | null;
  /** Every checked block with its statements, outer blocks before inner ones. */
  readonly records: readonly BlockRecord[];
  /** Each use of a variable, with its lower-case name. */
  readonly uses: readonly { readonly name: string; readonly at: Span }[];
  /** Each definition of a variable, with its lower-case name and the word that contains it. */
  readonly defines: readonly { readonly name: string; readonly at: Span }[];
  /** The statements with errors. */
  readonly failures: Failures;
}

/** Checks a text and everything it includes. Collects all findings of all files; does not throw for an invalid text. */
export function check(root: Source, modules: readonly ModuleDeclaration[], options: CheckOptions = {}): CheckResult {
  return atOnce(checkInSteps(root, modules, options));
}

/** `check` in steps of a statement, a block or a file, so that a serving process can handle other events in between. */
export function* checkInSteps(
  root: Source,
  modules: readonly ModuleDeclaration[],
  options: CheckOptions = {},
): Generator<void, CheckResult> {
  // Separate, because it is filled while statements are read whose findings may be rolled back, but is independent of
  // them.
  const reading = new CheckState();
  const directories = directoriesOf(root.name, options);
  const catalogue = new Catalogue(modules);
  const environment = new Environment(root, catalogue, reading);
  const opensBlock = (name: string) => catalogue.opensBlock(name);
  const includes = new Includes(options.reader ?? diskReader, directories.conf, reading, opensBlock, environment);
  const globals =
    options.globals === undefined ? [] : includes.open({ name: COMMAND_LINE, text: options.globals }, [], 'parameter');
  const items = [...globals, ...includes.open(root)];
  environment.declare(items, options.environment ?? process.env);
  yield;
  const statements = yield* includes.expandInSteps(environment.expand(items));
  environment.checkPlaces(statements);

  const state = new CheckState(statements.some(allowsUnsupported));
  const checker = new BlockChecker(catalogue, includes, directories, state, options.rewrite ?? null);
  const config = yield* checker.main(statements, { file: root.name, line: 1, column: 1 });
  if (!config.own.includes('events')) {
    state.report(null, 'missing-events', 'no "events" section in configuration', {
      // An empty or partly written file must not stop the service.
      severity: config.own.includes('http') ? 'warning' : 'error',
      help: 'tsproxy does not need it, but nginx rejects a file without it; an empty "events { }" is enough. Without an "http" section as well, there is nothing to serve',
    });
  }
  checkVariables(catalogue, state);
  if (state.allowsUnsupported) closeBlocks(checker.records, catalogue, state);
  yield;
  yield* runModuleChecks(modules, config, checker.records, state, options.reader ?? diskReader);
  const failures = new Failures(state.failures, unbalancedIn(reading.findings));
  return {
    config: state.hasErrors || reading.hasErrors ? null : config,
    findings: arrange(withoutConsequences(reading.findings, state.findings, failures), includes.sources, includes),
    sources: includes.sources,
    expansion: includes.expansion(statements),
    records: checker.records,
    uses: state.uses,
    defines: state.defines,
    failures,
  };
}

/** Applies to the whole configuration, including the part before it, and must be known before that is checked. */
function allowsUnsupported({ name, args }: Statement): boolean {
  return name.text === 'allow_unsupported' && args[0]?.text.toLowerCase() === 'on';
}

/** Reads a file and checks it. An unreadable file is reported as a finding. */
export function checkFile(
  path: string,
  modules: readonly ModuleDeclaration[],
  options: CheckOptions = {},
): CheckResult {
  return atOnce(checkFileInSteps(path, modules, options));
}

/** `checkFile` in steps, see `checkInSteps`. */
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
      uses: [],
      defines: [],
      failures: new Failures([]),
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

/** Sorts by place, drops duplicates caused by a file included twice, and adds the chain of includes. */
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
