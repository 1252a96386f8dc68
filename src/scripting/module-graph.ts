/** User modules with the modules that they import. Paths are byte strings, as everywhere; texts are UTF-8. */
import { readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { errnoText } from '../diagnostics/errno.js';
import { nativePath } from '../files/native-path.js';
import { positionOf } from './edits.js';
import { ModuleError } from './module-error.js';
import { type ParsedModule, parseModule } from './module-syntax.js';
import { BUILT_IN_MODULES } from './njs/built-in-modules.js';
import { isTypeScript, withoutTypes } from './type-stripping.js';

/** Target of an import. */
export type Link =
  | { readonly kind: 'module'; readonly module: UserModule }
  | { readonly kind: 'built-in'; readonly name: string }
  /** A package, or a module of Node: loaded by Node from the place of the importing file. */
  | { readonly kind: 'package'; readonly specifier: string };

/** A file that is evaluated by this program. */
export interface UserModule {
  readonly path: string;
  /** Path as text, for messages and stacks. */
  readonly name: string;
  readonly text: string;
  readonly parsed: ParsedModule;
  /** By request. */
  readonly links: readonly Link[];
}

/** Contents of module files by path, as byte strings. */
export interface ModuleFiles {
  has(path: string): boolean;
  /** Throws a system error if the file cannot be read. */
  read(path: string): string;
}

/** Files as the master has read them, then those on disk. */
export class StoredFiles implements ModuleFiles {
  constructor(private readonly contents: ReadonlyMap<string, string>) {}

  has(path: string): boolean {
    return this.contents.has(path) || statSync(nativePath(path), { throwIfNoEntry: false })?.isFile() === true;
  }
  read(path: string): string {
    return this.contents.get(path) ?? readFileSync(nativePath(path), 'latin1');
  }
}

/** Places of the files of imports. */
export interface SearchPaths {
  /** Directory of the configuration file, with a trailing slash. */
  readonly conf: string;
  /** `js_path`, absolute. */
  readonly paths: readonly string[];
}

/** The modules that are reachable from some files. */
export class ModuleGraph {
  readonly modules = new Map<string, UserModule>();
  /** Paths that were read, also of files with errors. */
  readonly files = new Set<string>();

  /**
   * @param globals names that every module can use
   */
  constructor(
    private readonly search: SearchPaths,
    private readonly source: ModuleFiles,
    private readonly globals: readonly string[],
  ) {}

  /** Returns the path of a file that the configuration names; null if there is none. */
  find(written: string): string | null {
    return this.file(written, null);
  }

  /** Loads a file with all that it imports. Throws ModuleError. */
  load(path: string): UserModule {
    const known = this.modules.get(path);
    if (known !== undefined) return known;
    this.files.add(path);
    const name = toText(path);
    const text = this.read(path, name);
    const source = isTypeScript(path) ? withoutTypes(name, text) : text;
    const parsed = parseModule(name, source, text, this.globals);
    const links: Link[] = [];
    const module: UserModule = { path, name, text, parsed, links };
    // Registered before its imports, which may import it in turn.
    this.modules.set(path, module);
    try {
      for (const { specifier, at } of parsed.requests) links.push(this.link(specifier, module, at));
    } catch (error) {
      this.modules.delete(path);
      throw error;
    }
    return module;
  }

  /** Resolves an import of a module. Throws ModuleError if it has no file. */
  link(specifier: string, from: UserModule, at: number): Link {
    if (specifier.startsWith('node:')) return { kind: 'package', specifier };
    if (BUILT_IN_MODULES.has(specifier)) return { kind: 'built-in', name: specifier };
    const written = toBytes(
      specifier.startsWith('file:') ? decodeURIComponent(new URL(specifier).pathname) : specifier,
    );
    const path = this.file(written, posix.dirname(from.path));
    if (path !== null) return { kind: 'module', module: this.load(path) };
    const isPackage = !/^\.{0,2}\//.test(written) && !/\.[cm]?[jt]s$/.test(written);
    if (isPackage || isBuiltin(specifier)) return { kind: 'package', specifier };
    // The specifier may be a path in a package (`name/file.js`).
    if (!/^\.{0,2}\//.test(written) && installed(written, from.path)) return { kind: 'package', specifier };
    throw new ModuleError(
      'missing',
      `Cannot load module "${specifier}"`,
      from.name,
      positionOf(from.text, at),
      from.text,
    );
  }

  /** Checks that imported names exist. Throws ModuleError. */
  verify(): void {
    for (const module of this.modules.values()) {
      for (const [i, request] of module.parsed.requests.entries()) {
        const link = module.links[i];
        if (link?.kind !== 'module') continue;
        const names = exportedNames(link.module);
        const missing = request.names.find(({ name }) => names?.has(name) === false);
        if (missing === undefined) continue;
        throw new ModuleError(
          'export',
          `SyntaxError: The requested module '${request.specifier}' does not provide an export named '${missing.name}'`,
          module.name,
          positionOf(module.text, missing.at),
          module.text,
        );
      }
    }
  }

  private read(path: string, name: string): string {
    try {
      return toText(this.source.read(path));
    } catch (error) {
      throw new ModuleError('missing', `open() "${name}" failed (${errnoText(error)})`, name, null, null);
    }
  }

  /** nginx: ngx_js_module_lookup. The directory of the importing file, that of the configuration, then `js_path`. */
  private file(written: string, directory: string | null): string | null {
    if (written.startsWith('/')) return this.existing(posix.normalize(written));
    const { conf, paths } = this.search;
    for (const base of [directory, conf, ...paths]) {
      if (base === null) continue;
      const found = this.existing(posix.normalize(`${base}/${written}`));
      if (found !== null) return found;
    }
    return null;
  }

  private existing(path: string): string | null {
    if (this.source.has(path)) return path;
    // Convention of TypeScript: an import names the compiled file (`x.js` for `x.ts`).
    const typescript = path.replace(/\.([cm]?)js$/, '.$1ts');
    return typescript !== path && this.source.has(typescript) ? typescript : null;
  }
}

/** Whether a `node_modules` directory at or above a file has a package. */
function installed(specifier: string, from: string): boolean {
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  for (let directory = posix.dirname(from); ; directory = posix.dirname(directory)) {
    if (statSync(nativePath(`${directory}/node_modules/${name}`), { throwIfNoEntry: false }) !== undefined) return true;
    if (directory === '/' || directory === '.') return false;
  }
}

/** Names that a module exports; null if it re-exports those of a module that Node loads. */
function exportedNames(module: UserModule, visited: Set<UserModule> = new Set()): Set<string> | null {
  const names = new Set(module.parsed.exports.map(({ name }) => name));
  if (visited.has(module)) return names;
  visited.add(module);
  for (const request of module.parsed.exportsAll) {
    const link = module.links[request];
    if (link?.kind !== 'module') return null;
    const others = exportedNames(link.module, visited);
    if (others === null) return null;
    for (const name of others) if (name !== 'default') names.add(name);
  }
  return names;
}
