/** Checks of user modules and of the functions that directives name, without running them. */
import type { Source, Span, Word } from '../../grammar/syntax-tree.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { CheckContext } from '../config/module-declaration.js';
import type { ConfigReader } from '../config/reader.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { Code } from '../diagnostics/codes.js';
import { nearest } from '../diagnostics/nearest.js';
import type { ImportData } from './function-name.js';
import { ModuleError } from './module-error.js';
import { type ModuleFiles, ModuleGraph, StoredFiles, type UserModule } from './module-graph.js';
import { functionOf, importsOf, reasonOf, searchPathsOf } from './script-scope.js';
import { staticValue } from './static-exports.js';

/** Files as the configuration is read. */
class CheckedFiles implements ModuleFiles {
  private readonly texts = new Map<string, string | null>();

  constructor(private readonly reader: ConfigReader) {}

  has(path: string): boolean {
    let text = this.texts.get(path);
    if (text === undefined) {
      try {
        text = this.reader.read(path);
      } catch (error) {
        // An unreadable file exists: reading it reports the error.
        text = (error as NodeJS.ErrnoException).code === 'EACCES' ? '' : null;
      }
      if (text !== '') this.texts.set(path, text);
    }
    return text !== null;
  }
  read(path: string): string {
    return this.texts.get(path) ?? this.reader.read(path);
  }
}

/** Graphs of a configuration that is checked, by search paths. */
const graphs = new WeakMap<CheckedConfig, Map<string, ModuleGraph>>();

/** Graphs of the blocks of a configuration: each file is read once. */
function graphFor({ config, reader }: CheckContext, block: CheckedBlock): ModuleGraph {
  let all = graphs.get(config);
  if (all === undefined) {
    all = new Map();
    graphs.set(config, all);
  }
  const search = searchPathsOf(block);
  const key = JSON.stringify(search);
  let graph = all.get(key);
  if (graph === undefined) {
    graph = new ModuleGraph(search, new CheckedFiles(reader), []);
    all.set(key, graph);
  }
  return graph;
}

/** Checks the modules that `js_import` imports in a block. */
export function checkImports(block: CheckedBlock, c: CheckContext): void {
  const graph = graphFor(c, block);
  const imports = [...importsOf(block).values()];
  for (const { args } of c.statements('js_import')) {
    const word = args.at(-1);
    const data = imports.find(({ file }) => file === word?.text);
    if (word === undefined || data === undefined) continue;
    try {
      loadImport(graph, data);
      graph.verify();
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
      report(error, word, c);
    }
  }
}

/** Loads the file of an import. Throws ModuleError. */
function loadImport(graph: ModuleGraph, { file }: ImportData): UserModule {
  const path = graph.find(file);
  if (path !== null) return graph.load(path);
  throw new ModuleError('missing', `Cannot load module "${toText(file)}"`, toText(file), null, null);
}

/** Codes of errors that have no place in a module, if it is not `script-module`. */
const CODES: Readonly<Partial<Record<ModuleError['kind'], Code>>> = {
  missing: 'file-not-found',
  package: 'missing-package',
};

/** Reports an error at its place in the module, with the directive that imports it; or at the directive. */
function report(error: ModuleError, word: Word, c: CheckContext): void {
  const span = spanOf(error);
  const message = toBytes(error.message);
  if (span === null) c.report(word, CODES[error.kind] ?? 'script-module', message);
  else c.report(span, 'script-module', message, { related: [{ at: word, message: 'imported here' }] });
}

function spanOf({ path, position, text }: ModuleError): Span | null {
  if (position === null || text === null) return null;
  const source: Source = { name: toBytes(path), text: toBytes(text) };
  const lines = text.split('\n');
  const before = [...lines.slice(0, position.line - 1), (lines[position.line - 1] ?? '').slice(0, position.column - 1)];
  const start = toBytes(before.join('\n')).length;
  const length = /^(?:[\w$]+|[^\s])?/.exec(source.text.slice(start))?.[0].length ?? 0;
  return { source, start, end: start + length };
}

/**
 * Checks the functions that the directives written in a block name. Called in the hook `check`.
 *
 * @param directives position of the function among the words of each directive
 * @param off whether `off` is no function
 */
export function checkFunctions(
  block: CheckedBlock,
  c: CheckContext,
  directives: Readonly<Record<string, number>>,
  off = false,
): void {
  for (const [directive, position] of Object.entries(directives)) {
    for (const { args } of c.statements(directive)) {
      const word = args[position];
      if (word !== undefined && !(off && word.text === 'off')) checkFunction(block, c, directive, word);
    }
  }
}

function checkFunction(block: CheckedBlock, c: CheckContext, directive: string, word: Word): void {
  const [first = '', ...path] = word.text.split('.');
  const imports = importsOf(block);
  const data = imports.get(first);
  const given = c.scripts[first];
  if (data === undefined && given !== undefined) {
    const found = functionOf(given, path);
    const help = 'the option "hooks" of the program has no function of that name';
    if (typeof found === 'string') reportNone(found, help, c, directive, word);
    return;
  }
  if (data === undefined) {
    // A variable is computed with the imports of the location in which a request is handled.
    if (directive === 'js_set' && importsSomewhere(c.config, first)) return;
    const [meant] = nearest(first, [...imports.keys()]);
    c.report(word, 'script-function', `no imports defined for "${directive}" "${word.text}", use js_import directive`, {
      help:
        meant === undefined ? `js_import ${first} from ${first}.js;` : `did you mean "${[meant, ...path].join('.')}"?`,
    });
    return;
  }
  let module: UserModule;
  try {
    module = loadImport(graphFor(c, block), data);
  } catch (error) {
    // Reported at the import.
    if (error instanceof ModuleError) return;
    throw error;
  }
  const value = staticValue(module, path.length === 0 ? ['default'] : path);
  const help = `"${data.file}" does not export it: a module exports functions by name, or as properties of its default export`;
  if (value === 'missing' || value === 'other') reportNone(value, help, c, directive, word);
}

/** Reports a name that denotes no function. `help`: shown if it is missing. */
function reportNone(found: 'missing' | 'other', help: string, c: CheckContext, directive: string, word: Word): void {
  const message = reasonOf(found, word.text, directive);
  c.report(word, 'script-function', message, found === 'missing' ? { help } : {});
}

function importsSomewhere(block: CheckedBlock, name: string): boolean {
  if (importsOf(block).has(name)) return true;
  const inner = [...block.blocks, ...block.steps.flatMap((step) => (step.block === null ? [] : [step.block]))];
  return inner.some((each) => importsSomewhere(each, name));
}

/** Files of the modules that a block imports, as far as they can be read. */
export function moduleFiles(block: CheckedBlock): readonly string[] {
  const graph = new ModuleGraph(searchPathsOf(block), new StoredFiles(new Map()), []);
  for (const data of importsOf(block).values()) {
    try {
      loadImport(graph, data);
    } catch (error) {
      if (!(error instanceof ModuleError)) throw error;
    }
  }
  return [...graph.files];
}
