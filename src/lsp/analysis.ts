/** Analysis of one configuration: its findings, and the names that its files define and use. */
import type { Source } from '../../grammar/syntax-tree.js';
import { Catalogue, type Declared } from '../config/catalogue.js';
import { type CheckResult, check } from '../config/check.js';
import type { Context } from '../config/directive.js';
import { codes } from '../diagnostics/codes.js';
import type { Finding } from '../diagnostics/finding.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import { lint } from '../lints/engine/run.js';
import { type Scope, scopesOf } from '../lints/engine/scope.js';
import { lints } from '../lints/index.js';
import { modules } from '../modules/index.js';
import { namesModuleFiles } from '../process/checked-modules.js';
import { directoryOfDocument } from './file-uri.js';
import { NameIndex } from './names/name-index.js';
import type { RecordingReader } from './text-reader.js';

/** Directives and variables of the built-in modules. Those of `load_module` are not loaded: opening a file must not run code. */
export const catalogue = new Catalogue(modules);

/** The directive of a context; outside of its contexts, the first one of that name. */
export function directiveIn(context: Context | null, name: string): Declared | undefined {
  return (context === null ? undefined : catalogue.find(name, context)) ?? catalogue.all(name)[0];
}

/** The text at the root of a configuration. */
export interface RootText {
  readonly source: Source;
  /** Base of relative includes, with its slash. */
  readonly directory: string;
  /** As `-p`; default: the directory. */
  readonly prefix?: string;
  /** Directives read before the text. */
  readonly globals?: string;
}

/** Computes its parts on first use: most completions need none of them, and names need the check without the lints. */
export class Analysis {
  private checked: CheckResult | null = null;
  private reported: readonly Finding[] | null = null;
  private readonly byPath = new Map<string, Source>();
  private foundMain: Scope | null = null;
  private foundNames: NameIndex | null = null;

  constructor(
    readonly root: RootText,
    readonly reader: RecordingReader,
  ) {}

  /** Result of the check. */
  get result(): CheckResult {
    this.checked ??= this.check();
    return this.checked;
  }

  /** Findings of the check and the lints, without those that comments suppress. */
  get findings(): readonly Finding[] {
    this.reported ??= this.lint();
    return this.reported;
  }

  /** The text of a file of this configuration. */
  source(path: string): Source | undefined {
    return path === this.root.source.name ? this.root.source : this.files.get(path);
  }

  get paths(): Iterable<string> {
    return this.files.keys();
  }

  /** The blocks as written; null if the text could not be read. */
  get main(): Scope | null {
    const { expansion } = this.result;
    if (this.foundMain === null && expansion !== null) this.foundMain = scopesOf(expansion);
    return this.foundMain;
  }

  get names(): NameIndex {
    this.foundNames ??= new NameIndex(this.main, this.result);
    return this.foundNames;
  }

  /** Files that an `include` names. */
  filesOf(written: string): readonly string[] {
    return this.reader.resolve(this.fileOf(written));
  }

  /** A path relative to the directory of the configuration, made absolute. */
  fileOf(written: string): string {
    return written.startsWith('/') ? written : this.root.directory + written;
  }

  private get files(): ReadonlyMap<string, Source> {
    if (this.byPath.size === 0) {
      for (const each of this.result.sources) if (!this.byPath.has(each.name)) this.byPath.set(each.name, each);
    }
    return this.byPath;
  }

  private check(): CheckResult {
    const { source, directory, prefix, globals } = this.root;
    return check(source, modules, {
      reader: this.reader,
      confDirectory: directory,
      ...(prefix !== undefined && { prefix }),
      ...(globals !== undefined && { globals }),
    });
  }

  private lint(): readonly Finding[] {
    const linted = lint(this.result, lints, { directory: this.root.directory });
    const { config, findings, sources } = namesModuleFiles(linted) ? withoutUnknownNames(linted) : linted;
    const comments = new IgnoreComments(sources);
    const unused = comments.size === 0 ? [] : comments.unused(knowledgeOf, KNOWN_CODES, config !== null);
    return [...comments.unsuppressed(findings), ...unused];
  }
}

/** Root text of a file that is a whole configuration. */
export function rootOf(path: string, text: string, settings: Pick<RootText, 'prefix' | 'globals'>): RootText {
  return { ...settings, source: { name: path, text }, directory: directoryOfDocument(path) };
}

/** The result without findings about names that a module of `load_module` may declare: such modules are not loaded. */
function withoutUnknownNames(result: CheckResult): CheckResult {
  const findings = result.findings.filter(({ code }) => code !== 'unknown-directive' && code !== 'unknown-variable');
  return { ...result, findings };
}

const PROBES: ReadonlySet<string> = new Set(lints.filter(({ probe }) => probe !== undefined).map(({ code }) => code));
const KNOWN_CODES: readonly string[] = [...Object.keys(codes), ...lints.map(({ code }) => code)];

function knowledgeOf(code: string): boolean | 'sometimes' {
  // These findings also depend on the machine, which the language server does not examine.
  return PROBES.has(code) || code === 'cannot-start' ? 'sometimes' : KNOWN_CODES.includes(code);
}
