/**
 * The configurations in a directory, such as a repository: its whole configurations, and the parts that none of them
 * includes. Files are found by their names and recognised by their directives.
 */
import { readdirSync, readFileSync, realpathSync, type Stats, statSync } from 'node:fs';
import { parse } from '../../grammar/parser.js';
import { allStatements, type Item, isStatement } from '../../grammar/syntax-tree.js';
import { hasWildcard, matchSegment } from '../config/glob.js';
import type { ConfigReader } from '../config/reader.js';
import { directoriesAbove, directoryOf } from '../files/directories.js';
import { nativePath } from '../files/native-path.js';
import type { Enclosing } from './blocks.js';
import { type EnclosingDetector, hasOnlyIncludes, isWhole } from './enclosing.js';
import { installedName, type MaskedTemplate, maskTags } from './template.js';

/** A configuration file of a tree. */
export interface TreeFile {
  /** Absolute path. Bytes. */
  readonly path: string;
  /** Text of the file, with the tags of a template. */
  readonly text: string;
  /** Set if the text has tags of a template engine. */
  readonly template: MaskedTemplate | null;
  /** The block that it is a part of; null for a whole configuration. */
  readonly enclosing: Enclosing | null;
  /** Arguments of its includes. */
  readonly includes: readonly string[];
}

/** Limits of a scan, so that that of a whole disk ends. */
const MAX_FILES = 20_000;
const MAX_DEPTH = 24;
/** Maximum length of a file; generated data is longer than configurations. */
const MAX_LENGTH = 1 << 20;

/** Files that packages of nginx install, and that define no names that configurations refer to. */
const INSTALLED =
  /\/(?:mime\.types|(?:fastcgi|scgi|uwsgi|proxy)_params|fastcgi\.conf|koi-(?:utf|win)|win-utf|modules-enabled\/\*\.conf)$/;

const SKIPPED_DIRECTORIES: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'node_modules']);

/** Names of configuration files, without the endings of templates. */
const CONFIGURATION = /(?:\.conf|\.nginx|\.vhost|\.nginxconf|^nginx|_location|_location_override|_params|^default)$/i;

/** Directories whose files are configurations, whatever their names are. */
const CONFIGURATION_DIRECTORY = /^(?:sites|conf|vhosts?|snippets|streams?)(?:[-_.](?:available|enabled|d))$/i;

/** Endings of other files in such directories. */
const OTHER_ENDING =
  /\.(?:pem|crt|key|md|txt|sh|py|js|ts|ya?ml|json|html?|css|ini|lua|php|png|svg|jpe?g|gz|zip|log|htpasswd|xml|toml|cfg|sql|pl|rb|env|service)$/i;

export class Tree {
  /** Every configuration file of nginx, ordered by path. */
  readonly files: readonly TreeFile[];
  /** Paths of files with such names that are not nginx's. */
  readonly others: readonly string[];
  private byPath: ReadonlyMap<string, TreeFile>;
  /** Segments of each path, as it is and without the endings of a template. */
  private readonly segments: readonly (readonly [path: string, ...names: (readonly string[])[]])[];
  private readonly resolved = new Map<string, readonly string[]>();
  /** Levels that a directory has in common with the nearest whole configuration. */
  private readonly levels = new Map<string, number>();

  /** @param directory absolute path with a trailing slash; bytes */
  constructor(
    readonly directory: string,
    private readonly detector: EnclosingDetector,
  ) {
    const files: TreeFile[] = [];
    const others: string[] = [];
    for (const path of candidates(directory)) {
      const file = this.classify(path);
      if (file === null) others.push(path);
      else files.push(file);
    }
    this.others = others;
    this.byPath = new Map(files.map((file) => [file.path, file]));
    this.segments = files.map(({ path }) => {
      const installed = installedName(path);
      return installed === path ? [path, path.split('/')] : [path, path.split('/'), installed.split('/')];
    });
    this.files = files;
    this.files = files.map((file) => (file.enclosing === 'main' ? this.withIncluded(file) : file));
    this.byPath = new Map(this.files.map((file) => [file.path, file]));
    // They depend on which files are whole configurations.
    this.resolved.clear();
    this.levels.clear();
  }

  /** A file of includes with the block that the included files belong into; any other file unchanged. */
  private withIncluded(file: TreeFile): TreeFile {
    if (!hasOnlyIncludes(parse({ name: file.path, text: file.text }).items.filter(isStatement))) return file;
    const inside = this.includedBy(file).flatMap(({ path, text, template }) => [
      ...parse({ name: path, text: template?.text ?? text }).items,
    ]);
    return {
      ...file,
      enclosing: isWhole(inside.filter(isStatement)) ? null : (this.detector.enclosing(inside) ?? 'main'),
    };
  }

  private includedBy({ path, includes, enclosing }: TreeFile): TreeFile[] {
    const directory = enclosing === null ? directoryOf(path) : this.confDirectory(path);
    return includes
      .flatMap((written) => this.resolve(written.startsWith('/') ? written : directory + written, path))
      .filter((each) => each !== path)
      .flatMap((each) => this.byPath.get(each) ?? []);
  }

  /** Files that no other file includes, whole configurations first. */
  roots(): TreeFile[] {
    const included = new Set<string>();
    for (const file of this.files) for (const { path } of this.includedBy(file)) included.add(path);
    const wholes = this.files.filter(({ enclosing }) => enclosing === null);
    const parts = this.files.filter(({ enclosing, path }) => enclosing !== null && !included.has(path));
    return [...wholes, ...parts];
  }

  /** Base of relative includes of a part: the nearest directory at or above it with an `nginx.conf`, else its own. */
  confDirectory(path: string): string {
    for (const at of directoriesAbove(path)) {
      if (!at.startsWith(this.directory)) break;
      if (this.files.some((each) => installedName(each.path) === `${at}nginx.conf`)) return at;
    }
    return directoryOf(path);
  }

  /**
   * Reads the files of the tree for one of its roots, with the tags of templates replaced. Includes find no other files.
   *
   * @param missing receives the paths of includes that name no file of the tree
   */
  reader(root: string, missing: Set<string>): ConfigReader {
    const resolve = (path: string): readonly string[] => {
      const found = this.resolve(path, root);
      if (found.length === 0 && !INSTALLED.test(path)) missing.add(path);
      return found;
    };
    return {
      read: (path) => {
        const file = this.byPath.get(path);
        return file === undefined ? readFileSync(nativePath(path), 'latin1') : (file.template?.text ?? file.text);
      },
      expand: resolve,
      resolve,
    };
  }

  /**
   * Files that an absolute path or pattern in a file names. Configurations name files by the paths at which they are installed:
   * the file of the tree with the longest common end of its path stands for them, also with the ending of a template. If there
   * are several, because the tree has several projects, those of the file's own project do. Files outside of the tree are not read.
   */
  resolve(path: string, from: string): readonly string[] {
    const key = `${directoryOf(from)}\n${path}`;
    let found = this.resolved.get(key);
    if (found === undefined) {
      found = this.byPath.has(path) ? [path] : this.lookUp(path, from);
      this.resolved.set(key, found);
    }
    return found;
  }

  private lookUp(path: string, from: string): readonly string[] {
    const normal = normalized(path);
    if (normal.startsWith(this.directory)) {
      const found = this.matching(normal.split('/'));
      if (found.length > 0 || hasWildcard(normal)) return found;
    }
    const segments = normal.split('/').filter((each) => each !== '');
    for (let skipped = 0; skipped < segments.length; skipped++) {
      const wanted = segments.slice(skipped);
      // A pattern without a directory would match files anywhere.
      if (wanted.length === 1 && hasWildcard(wanted[0] ?? '')) break;
      // A file that includes the path is not the included file.
      const found = this.matching(wanted).filter((each) => this.byPath.get(each)?.includes.includes(path) !== true);
      // A name without a directory may be that of another file.
      if (wanted.length === 1 && segments.length > 1 && !this.isUnique(wanted[0] ?? '')) {
        return found.filter((each) => directoryOf(each) === directoryOf(from)).slice(0, 1);
      }
      if (found.length === 0) continue;
      const own = this.ofProject(found, wanted.length, from);
      return hasWildcard(path) ? own : own.sort((a, b) => commonLevels(b, from) - commonLevels(a, from)).slice(0, 1);
    }
    return [];
  }

  /**
   * Of files with the same ends of their paths, those that the project of a file has: a directory with such files belongs to the
   * project of the nearest whole configuration.
   *
   * @param length number of segments of the common end
   */
  private ofProject(found: string[], length: number, from: string): string[] {
    const baseOf = (path: string): string => path.split('/').slice(0, -length).join('/');
    const bases = new Set(found.map(baseOf));
    if (bases.size === 1) return found;
    const own = new Set([...bases].filter((base) => commonLevels(base, from) >= this.nearestWhole(base)));
    return found.filter((path) => own.has(baseOf(path)));
  }

  private nearestWhole(directory: string): number {
    let level = this.levels.get(directory);
    if (level === undefined) {
      const wholes = this.files.filter(({ enclosing }) => enclosing === null);
      level = Math.max(0, ...wholes.map(({ path }) => commonLevels(directory, path)));
      this.levels.set(directory, level);
    }
    return level;
  }

  /** Whether exactly one file of the tree has the name, including files that are not nginx's. */
  private isUnique(name: string): boolean {
    const named = [...this.byPath.keys(), ...this.others].filter((path) => installedName(path).endsWith(`/${name}`));
    return named.length === 1;
  }

  /** Files whose paths end with these segments. */
  private matching(wanted: readonly string[]): string[] {
    const patterns = wanted.map((each) => (hasWildcard(each) ? each : null));
    const matches = (segments: readonly string[]): boolean => {
      const offset = segments.length - wanted.length;
      if (offset < 0) return false;
      return wanted.every((each, i) => {
        const segment = segments[offset + i] ?? '';
        return segment === each || (patterns[i] != null && matchSegment(each, segment));
      });
    };
    return this.segments.filter(([, ...names]) => names.some(matches)).map(([path]) => path);
  }

  private classify(path: string): TreeFile | null {
    let text: string;
    try {
      text = readFileSync(nativePath(path), 'latin1');
    } catch {
      return null;
    }
    if (text.length > MAX_LENGTH || text.includes('\0') || isIni(text)) return null;
    const template = maskTags(text);
    const { items, mistakes } = parse({ name: path, text: template?.text ?? text });
    // The branches of the template do not form a valid text together.
    if (template !== null && mistakes.length > 0) return null;
    const statements = items.filter(isStatement);
    const whole = isWhole(statements);
    // A file of comments may be included by others.
    const isComment = (line: string): boolean => /^(?:#|$)/.test(line.trim());
    if (statements.length === 0 && hasOwnEnding(path) && (template?.text ?? text).split('\n').every(isComment)) {
      return { path, text, template, enclosing: 'main', includes: [] };
    }
    const includesOnly = hasOnlyIncludes(statements);
    if (!whole && !includesOnly && this.detector.known(items) < (hasOwnEnding(path) ? 0.5 : 1)) return null;
    const enclosing = whole ? null : includesOnly ? 'main' : this.detector.enclosing(items);
    if (!whole && enclosing === null) return null;
    return { path, text, template, enclosing, includes: includesIn(items) };
  }
}

function includesIn(items: readonly Item[]): string[] {
  return [...allStatements(items)].flatMap(({ name, args: [file] }) =>
    name.text === 'include' && file !== undefined ? [file.text] : [],
  );
}

/** Paths of files that may be configurations, sorted; each file once, even if links lead to it. */
function candidates(directory: string): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (at: string, depth: number): void => {
    let entries: string[];
    try {
      entries = readdirSync(nativePath(at), { encoding: 'latin1' }).sort();
    } catch {
      return;
    }
    for (const name of entries) {
      if (found.length >= MAX_FILES) return;
      const path = at + name;
      let stat: Stats;
      let real: string;
      try {
        stat = statSync(nativePath(path));
        real = realpathSync(nativePath(path), { encoding: 'latin1' });
      } catch {
        // A broken or circular link, or one into a directory without permission.
        continue;
      }
      if (seen.size === seen.add(real).size) continue;
      if (stat.isDirectory()) {
        if (depth < MAX_DEPTH && !SKIPPED_DIRECTORIES.has(name)) visit(`${path}/`, depth + 1);
      } else if (stat.isFile() && stat.size <= MAX_LENGTH && isCandidate(at, name)) {
        found.push(path);
      }
    }
  };
  visit(directory, 0);
  return found.sort();
}

function isCandidate(directory: string, name: string): boolean {
  if (hasOwnEnding(name)) return true;
  if (name.startsWith('.')) return false;
  const segment = directory.slice(directory.lastIndexOf('/', directory.length - 2) + 1, -1);
  return CONFIGURATION_DIRECTORY.test(segment) && !OTHER_ENDING.test(installedName(name));
}

function hasOwnEnding(path: string): boolean {
  const name = installedName(path.slice(path.lastIndexOf('/') + 1));
  return CONFIGURATION.test(name) || /^nginx.*\.(?:tmpl|conf|j2)$/i.test(path.slice(path.lastIndexOf('/') + 1));
}

/** Whether a text has section headers in brackets, as configurations of other programs do. */
function isIni(text: string): boolean {
  return text.split('\n').some((line) => /^\[[^\]]+\]$/.test(line.trim()));
}

/** Resolves `.` and `..` of an absolute path. */
function normalized(path: string): string {
  const segments: string[] = [];
  for (const each of path.split('/')) {
    if (each === '..') segments.pop();
    else if (each !== '.' && each !== '') segments.push(each);
  }
  return `/${segments.join('/')}`;
}

/** Number of directories that two paths have in common. */
function commonLevels(a: string, b: string): number {
  const [one, other] = [a.split('/'), b.split('/')];
  const different = one.findIndex((each, i) => each !== other[i]);
  return different === -1 ? one.length : different;
}
