/**
 * Files of a configuration on this machine: nginx's directory is that of the configuration file, wherever it is here, and files
 * that every installation has are built in.
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { hasWildcard } from '../../config/glob.js';
import { type ConfigReader, diskReader } from '../../config/reader.js';
import { nativePath } from '../../files/native-path.js';
import { packagedConf } from '../package-files.js';
import { ReadFiles } from './file-changes.js';

/** Directories of nginx's configuration in usual installations. */
const NGINX_DIRECTORIES = [
  '/etc/nginx/',
  '/usr/local/nginx/conf/',
  '/usr/local/etc/nginx/',
  '/opt/homebrew/etc/nginx/',
  '/usr/local/openresty/nginx/conf/',
  '/etc/openresty/',
] as const;

/** `proxy_params` of Debian's package. */
const PROXY_PARAMS = `proxy_set_header Host $http_host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
`;

/** Files of nginx's directory that only name parameters of protocols which are not supported. */
const EMPTY_FILES: ReadonlySet<string> = new Set([
  'fastcgi_params',
  'fastcgi.conf',
  'fastcgi-php.conf',
  'uwsgi_params',
  'scgi_params',
]);

/** Text of a file that every installation has, by its name; null for others. */
function builtInText(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === 'mime.types') return readFileSync(packagedConf('mime.types'), 'latin1');
  if (name === 'proxy_params') return PROXY_PARAMS;
  return EMPTY_FILES.has(name) ? '' : null;
}

/** A replacement of the beginning of paths, as the user gave it. Bytes. */
export interface PathMapping {
  readonly from: string;
  readonly to: string;
}

export class LocalFiles {
  /** Directories that may stand for `/`, nearest first: those above the configuration, which may be in a copy of a file system. */
  private readonly roots: readonly string[];

  constructor(
    /** Directory of the configuration file, ending in a slash. */
    private readonly directory: string,
    private readonly mappings: readonly PathMapping[] = [],
  ) {
    this.roots = [...directory.matchAll(/(?!^)\//g)].map(({ index }) => directory.slice(0, index)).reverse();
  }

  /** Where a path of the configuration is on this machine: an existing one if possible. */
  locate(path: string): string {
    const mapping = this.mappings.find(
      ({ from }) => path === from || path.startsWith(from.endsWith('/') ? from : `${from}/`),
    );
    if (mapping !== undefined) return mapping.to + path.slice(mapping.from.length);
    const nginx = NGINX_DIRECTORIES.find((each) => path.startsWith(each) && each !== this.directory);
    const own = nginx === undefined ? null : this.directory + path.slice(nginx.length);
    const isHere = hasWildcard(path) ? directoryExists : exists;
    if (own !== null && (isHere(own) || hasWildcard(path))) {
      // Sites of an nginx that is installed here do not belong to this configuration.
      return own;
    }
    const copied = path.startsWith('/') ? this.roots.map((root) => root + path).find(isHere) : undefined;
    return copied ?? (own === null || isHere(path) ? path : own);
  }
}

export function exists(path: string): boolean {
  return existsSync(nativePath(path));
}

/** Whether a file exists and can be read. */
export function isReadable(path: string): boolean {
  try {
    accessSync(nativePath(path), constants.R_OK);
    return statSync(nativePath(path)).isFile();
  } catch {
    return false;
  }
}

/** Whether the directory before the first wildcard exists. */
function directoryExists(pattern: string): boolean {
  return exists(pattern.slice(0, pattern.lastIndexOf('/', pattern.search(/[*?[]/)) + 1));
}

/** Reads included files, and records what it has read. */
export class DevReader implements ConfigReader {
  /** Files and patterns that were read, whether they exist or not. */
  readonly files = new ReadFiles();
  /** Patterns that no file matches. */
  readonly unmatched = new Set<string>();
  private readonly included = new Set<string>();

  constructor(
    private readonly places: LocalFiles,
    /** Called for an included file that is missing and has no built-in text: it is read as an empty one. */
    private readonly missing: (path: string) => void,
    private readonly base: ConfigReader = diskReader,
  ) {}

  resolve(path: string): readonly string[] {
    if (hasWildcard(path)) return this.expand(path);
    const located = this.places.locate(path);
    const found = exists(located) ? [] : (this.base.resolve?.(path) ?? []);
    if (found.length > 0) return found;
    this.included.add(located);
    return [located];
  }

  read(path: string): string {
    this.files.add(path);
    try {
      return this.base.read(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !this.included.has(path)) throw error;
      const text = builtInText(path);
      if (text === null) this.missing(path);
      return text ?? '';
    }
  }

  expand(pattern: string): readonly string[] {
    const path = this.places.locate(pattern);
    this.files.add(path);
    const found = this.base.expand(path);
    if (found.length === 0) this.unmatched.add(path);
    return found;
  }
}
