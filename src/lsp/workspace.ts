/** Configurations of the open documents, and the analysis of each. */
import { isAbsolute, join } from 'node:path';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { directoriesAbove } from '../files/directories.js';
import { hasSection } from '../fragments/enclosing.js';
import { isTemplateName, withoutPlaceholders } from '../fragments/template.js';
import { Analysis, type RootText, rootOf } from './analysis.js';
import { uriOf } from './file-uri.js';
import { type FragmentRoot, findingsOfFragment, fragmentRoot } from './fragment-root.js';
import type { OpenDocuments } from './open-documents.js';
import { DEFAULT_SETTINGS, type Settings } from './settings.js';
import { RecordingReader, TextReader } from './text-reader.js';

/** Names of main files, in the directory of a file or above it. */
const MAIN_NAMES = ['nginx.conf', 'conf/nginx.conf', 'tsproxy.conf'];

/** Number of directories above a file in which a main file is looked for, if the file is outside the folders of the workspace. */
const MAX_LEVELS = 4;

/** Maximum number of files in a directory that are examined as main files, or for the names that they define. */
const MAX_AROUND = 100;

/** Number of analyses that are kept. */
const MAX_ANALYSES = 16;

/** The analysis of a document. */
export interface DocumentAnalysis {
  readonly analysis: Analysis;
  /** Set if no main file includes the document, so that it is checked as a part of one. */
  readonly fragment: FragmentRoot | null;
}

export class Workspace {
  settings: Settings = DEFAULT_SETTINGS;
  /** Paths of the folders, with their slashes. */
  folders: readonly string[] = [];
  readonly texts: TextReader;
  /** Analyses by the path of the root, or of the fragment; the most recently used one is last. */
  private readonly analyses = new Map<string, Analysis>();
  /** Main file of each document. */
  private readonly mains = new Map<string, string>();

  constructor(readonly documents: OpenDocuments) {
    this.texts = new TextReader(documents);
  }

  /** Applies settings. */
  configure(settings: Settings): void {
    this.settings = settings;
    this.forget();
  }

  /** Forgets everything about files, after an event that may have changed them. */
  forget(): void {
    this.texts.forget();
    this.analyses.clear();
    this.mains.clear();
  }

  /** URI of a path, as the editor writes it if the document is open. */
  uriOf(path: string): string {
    return this.documents.at(path)?.uri ?? uriOf(path);
  }

  /** The current analysis of the configuration that a document belongs to. */
  analysisOf(path: string): DocumentAnalysis {
    const text = this.texts.textOf(path) ?? '';
    const known = this.mains.get(path);
    if (known !== undefined && (known !== path || hasSection(text))) {
      const analysis = this.analyse(known);
      if (analysis?.source(path) !== undefined) return { analysis, fragment: null };
      this.mains.delete(path);
    }
    const candidates = hasSection(text) ? [path] : this.mainFilesFor(path);
    for (const main of candidates) {
      const analysis = this.analyse(main);
      if (analysis?.source(path) === undefined) continue;
      this.mains.set(path, main);
      return { analysis, fragment: null };
    }
    const fragment = fragmentRoot({ name: path, text }, candidates, this.around(path), this.texts);
    return { analysis: this.current(`part ${path}`, { ...this.options(), ...fragment.root }), fragment };
  }

  /** Findings that hold for a part or template and that the settings do not suppress. */
  findingsOf({ analysis, fragment }: DocumentAnalysis): readonly Finding[] {
    const own = fragment === null ? analysis.findings : findingsOfFragment(analysis.findings, fragment);
    const { ignore } = this.settings;
    const shown = own.filter(({ code, severity }) => severity === 'error' || !ignore.includes(code));
    return withoutPlaceholders(shown, (path) =>
      isTemplateName(path) ? (this.documents.at(path)?.template ?? null) : undefined,
    );
  }

  /** Analyses of all open documents, and of the main files of the folders. */
  *known(): Generator<Analysis> {
    const mains = this.folders.flatMap((folder) => MAIN_NAMES.map((name) => folder + name));
    const opened = [...this.documents.all()].map(({ source }) => source.name);
    const seen = new Set<Analysis>();
    for (const path of [...opened, ...mains.filter((each) => this.texts.textOf(each) !== null)]) {
      const { analysis } = this.analysisOf(path);
      if (seen.size < seen.add(analysis).size) yield analysis;
    }
  }

  /** Main files that may include a document, the likeliest first. */
  private mainFilesFor(path: string): string[] {
    const { mainFile } = this.settings;
    const given = mainFile === '' ? [] : this.absolute(mainFile);
    const above = this.directoriesAbove(path);
    const named = above.flatMap((directory) => MAIN_NAMES.map((name) => directory + name));
    const others = above.flatMap((directory) =>
      this.filesIn(`${directory}*.conf`).filter((each) => this.isWhole(each)),
    );
    const readable = [...given, ...named, ...others].filter(
      (each) => each !== path && this.texts.textOf(each) !== null,
    );
    return [...new Set(readable)];
  }

  /** Directories from that of a document up to its folder of the workspace, the innermost first. */
  private directoriesAbove(path: string): string[] {
    const folder = this.folders.find((each) => path.startsWith(each));
    const found: string[] = [];
    for (const at of path.startsWith('/') ? directoriesAbove(path) : []) {
      if (folder === undefined ? found.length > MAX_LEVELS : !at.startsWith(folder)) break;
      found.push(at);
    }
    return found;
  }

  /** Files in the directory of a document and in neighbouring directories, which may define names that it uses. */
  private around(path: string): string[] {
    const [own, parent] = this.directoriesAbove(path);
    const patterns = own === undefined ? [] : [`${own}*.conf`];
    if (parent !== undefined) patterns.push(`${parent}*.conf`, `${parent}*/*.conf`);
    return [...new Set(patterns.flatMap((pattern) => this.filesIn(pattern)))];
  }

  private filesIn(pattern: string): readonly string[] {
    return this.texts.expand(pattern).slice(0, MAX_AROUND);
  }

  private isWhole(path: string): boolean {
    return hasSection(this.texts.textOf(path) ?? '');
  }

  /** Paths that a setting may mean. */
  private absolute(path: string): string[] {
    if (isAbsolute(path)) return [toBytes(path)];
    return this.folders.map((folder) => toBytes(join(toText(folder), path)));
  }

  /** Analysis of a whole configuration; null if its file cannot be read. */
  private analyse(main: string): Analysis | null {
    const text = this.texts.textOf(main);
    return text === null ? null : this.current(main, rootOf(main, text, this.options()));
  }

  private options(): Pick<RootText, 'prefix' | 'globals'> {
    const { prefix, allowUnsupported } = this.settings;
    return {
      ...(prefix !== '' && { prefix: this.absolute(prefix)[0] ?? toBytes(prefix) }),
      ...(allowUnsupported && { globals: 'allow_unsupported on;' }),
    };
  }

  /** Analysis with a key, renewed if a text has changed. */
  private current(key: string, root: RootText): Analysis {
    let analysis = this.analyses.get(key);
    const isCurrent = analysis?.root.source.text === root.source.text && analysis.reader.isCurrent();
    // The previous one is released first: collecting it is cheaper than copying it while the next one is built.
    this.analyses.delete(key);
    if (!isCurrent) analysis = undefined;
    analysis ??= new Analysis(root, new RecordingReader(this.texts, root.directory));
    this.analyses.set(key, analysis);
    const [oldest] = this.analyses.keys();
    if (this.analyses.size > MAX_ANALYSES && oldest !== undefined) this.analyses.delete(oldest);
    return analysis;
  }
}
