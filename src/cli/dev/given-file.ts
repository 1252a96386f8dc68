/** The argument of `tsproxy dev`: a configuration, a directory that has one, or a part of one, such as a site. */
import { readFileSync, statSync } from 'node:fs';
import { parse } from '../../../grammar/parser.js';
import { isStatement } from '../../../grammar/syntax-tree.js';
import { nativePath } from '../../files/native-path.js';
import type { Enclosing } from '../../fragments/blocks.js';
import { EnclosingDetector, isWhole } from '../../fragments/enclosing.js';
import { wrapped } from '../../fragments/part.js';
import type { ConfigSource } from '../../process/configuration.js';
import type { Module } from '../../program/module.js';
import { exists } from './local-files.js';

/** Where a directory has its main configuration file: a checkout, or a copy of a file system. */
const MAIN_FILES = ['nginx.conf', 'conf/nginx.conf', 'nginx/nginx.conf', 'etc/nginx/nginx.conf'];

/** Directories of parts: relative names in them are relative to the directory above. */
const DIRECTORIES_OF_PARTS = /\/(?:conf\.d|http\.d|sites-(?:enabled|available)|site-confs|proxy-confs|snippets)\/$/;

/** Parts that serve something on their own. */
const SERVED: ReadonlySet<Enclosing> = new Set(['http', 'server', 'location']);

/** Directives of `http` that packages of nginx add around a part. */
const AROUND = ['include /etc/nginx/mime.types;', 'default_type application/octet-stream;'];

/** The directory has no configuration; the message is for the user. Bytes. */
export class NoConfiguration extends Error {}

/** The configuration to run for a file or directory. Files that cannot be read are reported when they are checked. */
export function givenFile(source: ConfigSource, modules: readonly Module[]): ConfigSource {
  const { name } = source;
  const stats = statSync(nativePath(name), { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) {
    const directory = name.endsWith('/') ? name : `${name}/`;
    const main = MAIN_FILES.map((each) => directory + each).find(exists);
    if (main === undefined) throw new NoConfiguration(`no ${MAIN_FILES.join(', ')} in "${name}"`);
    return { ...source, name: main };
  }
  if (stats?.isFile() !== true) return source;
  const part = enclosingOf(name, modules);
  if (part === null || !SERVED.has(part)) return source;
  const own = name.slice(0, name.lastIndexOf('/') + 1);
  const confDirectory = own.replace(DIRECTORIES_OF_PARTS, '/');
  return wrapped({ ...source, confDirectory }, [{ name, enclosing: part }], AROUND) ?? source;
}

/** The block that a file is a part of; null for a whole configuration, or if it cannot be read. */
function enclosingOf(name: string, modules: readonly Module[]): Enclosing | null {
  let text: string;
  try {
    text = readFileSync(nativePath(name), 'latin1');
  } catch {
    return null;
  }
  const { items } = parse({ name, text });
  return isWhole(items.filter(isStatement)) ? null : new EnclosingDetector(modules).enclosing(items);
}
