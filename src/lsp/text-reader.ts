/**
 * Texts of a workspace: the open documents, and otherwise the files. A file is read again if it has changed on disk, which is
 * examined at most once a second unless `forget` is called.
 */
import { realpathSync, statSync } from 'node:fs';
import { hasWildcard, matchPath } from '../config/glob.js';
import { type ConfigReader, diskReader } from '../config/reader.js';
import { nativePath } from '../files/native-path.js';
import type { OpenDocuments } from './open-documents.js';

/** Interval after which a file or directory is examined again, in ms. */
const RECHECK_INTERVAL = 1000;

interface CachedFile {
  /** Null if it could not be read. */
  readonly text: string | null;
  readonly error: unknown;
  readonly stamp: string;
  checked: number;
}

/** Directories of installed configurations, which includes name also in a repository that has the files elsewhere. */
const INSTALLED = ['/etc/nginx/', '/usr/local/nginx/conf/', '/usr/local/openresty/nginx/conf/', '/opt/nginx/conf/'];

export class TextReader implements ConfigReader {
  private readonly files = new Map<string, CachedFile>();
  private readonly links = new Map<string, string>();
  private readonly listings = new Map<string, { readonly paths: readonly string[]; readonly checked: number }>();

  constructor(private readonly documents: OpenDocuments) {}

  /** Forgets files and directories, after an event that may have changed them. */
  forget(): void {
    this.files.clear();
    this.links.clear();
    this.listings.clear();
  }

  /** Whether reading a file was attempted, successfully or not. */
  hasRead(path: string): boolean {
    return this.files.has(path);
  }

  /** Text of a file; throws a system error if there is none. */
  read(path: string): string {
    const open = this.documents.at(path);
    if (open !== undefined) return open.source.text;
    const { text, error } = this.file(path);
    if (text === null) throw error;
    return text;
  }

  /** Text of a file; null if it cannot be read. */
  textOf(path: string): string | null {
    return this.documents.at(path)?.source.text ?? this.file(path).text;
  }

  /** Files that match a pattern, sorted, including open documents that are not saved yet. */
  expand(pattern: string): readonly string[] {
    const known = this.listings.get(pattern);
    let onDisk = known?.paths ?? [];
    if (known === undefined || Date.now() - known.checked > RECHECK_INTERVAL) {
      onDisk = diskReader.expand(pattern);
      this.listings.set(pattern, { paths: onDisk, checked: Date.now() });
    }
    const unsaved = [...this.documents.all()]
      .map(({ source }) => source.name)
      .filter((path) => matchPath(pattern, path) && !onDisk.includes(path));
    return unsaved.length === 0 ? onDisk : [...onDisk, ...unsaved].sort((a, b) => (a < b ? -1 : 1));
  }

  /** Files that an absolute path or pattern names. */
  resolve(path: string): readonly string[] {
    return hasWildcard(path) ? this.expand(path).map((each) => this.opened(each)) : [this.opened(path)];
  }

  /** The path under which the editor has opened a file, which may be the target of a link (`sites-available`); else the path itself. */
  private opened(path: string): string {
    if (this.documents.at(path) !== undefined) return path;
    let real = this.links.get(path);
    if (real === undefined) this.links.set(path, (real = realPath(path)));
    return real !== path && this.documents.at(real) !== undefined ? real : path;
  }

  private file(path: string): CachedFile {
    const known = this.files.get(path);
    const now = Date.now();
    if (known !== undefined && now - known.checked <= RECHECK_INTERVAL) return known;
    const stamp = stampOf(path);
    if (known !== undefined && known.stamp === stamp) {
      known.checked = now;
      return known;
    }
    let text: string | null = null;
    let error: unknown = null;
    try {
      text = diskReader.read(path);
    } catch (thrown) {
      error = thrown;
    }
    const file = { text, error, stamp, checked: now };
    this.files.set(path, file);
    return file;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(nativePath(path), { encoding: 'latin1' });
  } catch {
    return path;
  }
}

function stampOf(path: string): string {
  try {
    const stats = statSync(nativePath(path), { throwIfNoEntry: false });
    return stats === undefined ? '' : `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
  } catch {
    return '';
  }
}

/** Records the texts and listings that a configuration reads, so that its analysis is repeated only after a change. */
export class RecordingReader implements ConfigReader {
  private readonly texts = new Map<string, string | null>();
  private readonly listings = new Map<string, readonly string[]>();

  constructor(
    private readonly reader: TextReader,
    /** Directory of the main file, which stands for the directory of the installed configuration. */
    private readonly directory: string,
  ) {}

  read(path: string): string {
    this.textOf(path);
    return this.reader.read(path);
  }

  expand(pattern: string): readonly string[] {
    return this.reader.expand(pattern);
  }

  /** Files that an include names, as in `ConfigReader`. */
  resolve(path: string): readonly string[] {
    const found = this.list(path).filter((each) => this.textOf(each) !== null);
    const moved = found.length > 0 ? null : this.moved(path);
    const instead = moved === null ? [] : this.list(moved).filter((each) => this.textOf(each) !== null);
    if (found.length > 0 || instead.length > 0) return found.length > 0 ? found : instead;
    return hasWildcard(path) ? [] : [path];
  }

  private list(path: string): readonly string[] {
    const paths = this.reader.resolve(path);
    this.listings.set(path, paths);
    return paths;
  }

  /** Whether all recorded texts and listings are unchanged. */
  isCurrent(): boolean {
    for (const [path, text] of this.texts) if (this.reader.textOf(path) !== text) return false;
    for (const [path, paths] of this.listings) {
      const now = this.reader.resolve(path);
      if (now !== paths && now.join('\n') !== paths.join('\n')) return false;
    }
    return true;
  }

  private textOf(path: string): string | null {
    const text = this.reader.textOf(path);
    this.texts.set(path, text);
    return text;
  }

  /** Path in the directory of the main file for a path in an installed one; null for any other path. */
  private moved(path: string): string | null {
    const installed = INSTALLED.find((directory) => path.startsWith(directory));
    return installed === undefined || this.directory === '' || this.directory === installed
      ? null
      : this.directory + path.slice(installed.length);
  }
}
