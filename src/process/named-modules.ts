/**
 * Checks a configuration with only the modules that it names: loading all of them takes several times as long as checking a
 * small file.
 */

import type { CheckResult } from '../config/check.js';
import { type ConfigReader, diskReader, includedFiles } from '../config/reader.js';
import type { Module } from '../program/module.js';
import { namesModuleFiles, withModuleFiles } from './checked-modules.js';
import { type ConfigSource, checkWithSuppressed } from './configuration.js';
import { MODULE_NAMES, type NamedModule } from './module-names.js';

export interface NamedCheck {
  readonly result: CheckResult;
  /** Modules used for the check; compiling with these gives the same result as with all. */
  readonly modules: readonly Module[];
}

/** Directives that every configuration uses, with their defaults. */
const ALWAYS: readonly string[] = ['worker_processes', 'worker_connections', 'server_name'];

/** Characters of text beyond which the time to load all modules is negligible. */
const MUCH_TEXT = 1 << 18;

/** Same result as `checkWithSuppressed` with all modules. */
export async function checkNamed(source: ConfigSource): Promise<NamedCheck> {
  const reader = new OnceReader(source.reader ?? diskReader);
  const cachedSource: ConfigSource = { ...source, reader };
  const wanted = namedIn(new Texts(source, reader).all());
  const modules = await loaded(wanted);
  const result = checkWithSuppressed(cachedSource, modules);
  // An error may be a name that is unknown only for lack of its module, and suggestions may come from any module. Modules of
  // files must not repeat names.
  const complete = wanted.length === MODULE_NAMES.length;
  const check = (all: readonly Module[]): CheckResult => checkWithSuppressed(cachedSource, all);
  if (complete || (result.config !== null && !namesModuleFiles(result))) {
    return withModuleFiles(result, modules, source.prefix, check);
  }
  const all = await loaded(MODULE_NAMES);
  return withModuleFiles(check(all), all, source.prefix, check);
}

async function loaded(wanted: readonly NamedModule[]): Promise<Module[]> {
  return (await Promise.all(wanted.map(({ load }) => load()))).map((file) => file.default);
}

/** Modules with a name that occurs anywhere in a text; all of them for very long texts. */
function namedIn(texts: readonly string[]): readonly NamedModule[] {
  if (texts.reduce((sum, text) => sum + text.length, 0) > MUCH_TEXT) return MODULE_NAMES;
  const words = new Set(ALWAYS);
  for (const text of texts) for (const [word] of text.matchAll(/[a-z_]\w*/gi)) words.add(word);
  return MODULE_NAMES.filter(({ names }) =>
    names.split(/\s+/).some((name) => {
      if (!name.endsWith('*')) return words.has(name);
      const family = name.slice(0, -1);
      return [...words].some((word) => word.startsWith(family));
    }),
  );
}

/** Texts of a configuration, as far as they can be found without parsing it. */
class Texts {
  private readonly found: string[] = [];
  private readonly seen = new Set<string>();
  private readonly directory: string;

  constructor(
    private readonly source: ConfigSource,
    private readonly reader: ConfigReader,
  ) {
    const { confDirectory, name } = source;
    this.directory = confDirectory === undefined ? name.slice(0, name.lastIndexOf('/') + 1) : `${confDirectory}/`;
  }

  all(): readonly string[] {
    const { text, name, globals } = this.source;
    if (globals !== undefined) this.take(globals);
    if (text === null) this.read(name);
    else this.take(text);
    return this.found;
  }

  private take(text: string): void {
    this.found.push(text);
    for (const [, written = ''] of text.matchAll(/\binclude\s+["']?([^\s;"'{}]+)/g)) {
      for (const path of includedFiles(written, this.directory, this.reader)) this.read(path);
    }
  }

  private read(path: string): void {
    if (this.seen.size < this.seen.add(path).size) {
      let text = '';
      try {
        text = this.reader.read(path);
      } catch {
        // The check reports it, if the file is in fact included.
      }
      this.take(text);
    }
  }
}

/** Reads each file once: a pipe can be read only once, and a file may change meanwhile. */
class OnceReader implements ConfigReader {
  readonly resolve?: (path: string) => readonly string[];
  private readonly texts = new Map<string, string>();

  constructor(private readonly reader: ConfigReader) {
    if (reader.resolve !== undefined) this.resolve = reader.resolve.bind(reader);
  }

  read(path: string): string {
    let text = this.texts.get(path);
    if (text === undefined) {
      text = this.reader.read(path);
      this.texts.set(path, text);
    }
    return text;
  }

  expand(pattern: string): readonly string[] {
    return this.reader.expand(pattern);
  }
}
