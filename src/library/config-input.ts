/** Configurations as programs give them, converted to byte strings. */
import { resolve } from 'node:path';
import { textReader } from '../config/reader.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { findingsToJson } from '../diagnostics/json.js';
import { renderFindings } from '../diagnostics/render.js';
import { modules as builtIn } from '../modules/index.js';
import type { ConfigSource } from '../process/configuration.js';
import type { Module } from '../program/module.js';
import type { ModuleDefinition } from '../program/module-definition.js';
import { ConfigError, type ConfigInput } from './config.js';

/** Properties that stay the same over reloads. Bytes. */
export interface Place {
  readonly prefix: string;
  readonly globals: string | undefined;
}

export function placeOf({ prefix = '.', globals }: { readonly prefix?: string; readonly globals?: string }): Place {
  const directory = resolve(prefix);
  return {
    prefix: toBytes(directory.endsWith('/') ? directory : `${directory}/`),
    globals: globals === undefined ? undefined : toBytes(globals),
  };
}

export function sourceOf({ config, file, includes }: ConfigInput, { prefix, globals }: Place): ConfigSource {
  if ((config === undefined) === (file === undefined)) {
    throw new TypeError('give a configuration by one of the options "config" and "file"');
  }
  const common = {
    prefix,
    ...(globals !== undefined && { globals }),
    ...(includes !== undefined && { reader: textReader(includedTexts(includes, prefix)) }),
  };
  if (file !== undefined) return { ...common, name: toBytes(resolve(toText(prefix), file)), text: null };
  return { ...common, name: '<inline>', text: toBytes(config ?? ''), confDirectory: prefix };
}

function includedTexts(includes: Readonly<Record<string, string>>, prefix: string): Map<string, string> {
  const entries = Object.entries(includes);
  return new Map(
    entries.map(([path, text]) => [toBytes(path.startsWith('/') ? path : toText(prefix) + path), toBytes(text)]),
  );
}

/** The modules of a proxy. `hooks`: functions that its configuration names `hooks.NAME`. */
export function modulesOf(own: readonly ModuleDefinition[] = [], hooks?: object): readonly Module[] {
  const given: readonly Module[] =
    hooks === undefined
      ? []
      : [{ name: 'hooks', doc: 'Functions of the program.', directives: {}, scripts: { hooks } }];
  return own.length + given.length === 0 ? builtIn : [...builtIn, ...own, ...given];
}

export function configError(message: string, findings: readonly Finding[]): ConfigError {
  if (findings.length === 0) return new ConfigError(toText(message), []);
  return new ConfigError(`${toText(message)}\n\n${renderFindings(findings)}`, findingsToJson(findings));
}
