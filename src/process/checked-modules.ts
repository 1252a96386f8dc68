/** Checks a configuration with the modules that it loads (`load_module`). */

import type { Statement, Word } from '../../grammar/syntax-tree.js';
import { arrange, type CheckResult } from '../config/check.js';
import type { Finding } from '../diagnostics/finding.js';
import type { Module } from '../program/module.js';
import { type ConfigSource, checkInSlices } from './configuration.js';
import { loadModuleFile, type ModuleFile, ModuleFileError, readModuleFile } from './module-files.js';
import { MODULE_NAMES } from './module-names.js';

/** Result of a check, with the modules to compile it with. */
export interface CheckedModules {
  readonly result: CheckResult;
  /** The given modules and those of the files. */
  readonly modules: readonly Module[];
  readonly files: readonly ModuleFile[];
}

/** A file of nginx's modules, which are libraries. */
const LIBRARY = /(?:^|\/)ngx_(?:http_)?(\w+)_module\.so$/;

/**
 * Completes a check with `modules`: loads the files that the configuration names, and then checks again with their modules.
 * `prefix`: base of relative paths, ending in a slash.
 */
export async function withModuleFiles(
  first: CheckResult,
  modules: readonly Module[],
  prefix: string,
  again: (modules: readonly Module[]) => CheckResult | Promise<CheckResult>,
): Promise<CheckedModules> {
  const words = fileWords(first);
  if (words.length === 0) return { result: first, modules, files: [] };
  const findings: Finding[] = [];
  const all = [...modules];
  const files: ModuleFile[] = [];
  for (const word of words) {
    if (word.text.endsWith('.so')) {
      if (isBuiltIn(word.text)) findings.push(builtIn(word));
      continue;
    }
    try {
      const file = readModuleFile(word.text.startsWith('/') ? word.text : prefix + word.text.replace(/^(?:\.\/)+/, ''));
      const module = await loadModuleFile(file);
      const conflict = conflictOf(module, all);
      if (conflict !== null) {
        findings.push(refused(word, conflict));
        continue;
      }
      all.push(module);
      files.push(file);
    } catch (error) {
      if (!(error instanceof ModuleFileError)) throw error;
      findings.push(refused(word, error.message));
    }
  }
  const result = files.length === 0 ? first : await again(all);
  const failed = findings.some(({ severity }) => severity === 'error');
  return { result: withFindings(failed ? withoutNames(result) : result, findings), modules: all, files };
}

/** Checks in slices, with the built-in modules and those of the files. */
export async function checkWithModuleFiles(source: ConfigSource, builtIn: readonly Module[]): Promise<CheckedModules> {
  const check = (modules: readonly Module[]): Promise<CheckResult> => checkInSlices(source, modules);
  return withModuleFiles(await check(builtIn), builtIn, source.prefix, check);
}

/** Whether a configuration names files that have to be loaded. */
export function namesModuleFiles(result: CheckResult): boolean {
  return fileWords(result).some(({ text }) => !text.endsWith('.so'));
}

/** Adds an error for each file to the result of a check that cannot load any. */
export function withoutModuleFiles(result: CheckResult): CheckResult {
  const help =
    'only a check that may wait can load a module: start the proxy, use "tsproxy -t", or give the module in "modules"';
  const findings = fileWords(result).filter(({ text }) => !text.endsWith('.so'));
  return withFindings(
    findings.length === 0 ? result : withoutNames(result),
    findings.map((word) => ({ ...refused(word, `"${word.text}" is not loaded by this check`), help })),
  );
}

/** Arguments of `load_module`. */
function fileWords({ records }: CheckResult): readonly Word[] {
  const main = records.find(({ around, opener }) => around === null && opener === null);
  const statements: readonly Statement[] = main?.statements.get('load_module') ?? [];
  return statements.flatMap(({ args }) => args.slice(0, 1));
}

/** Whether modules of this project have the directives of a library. */
function isBuiltIn(path: string): boolean {
  const name = LIBRARY.exec(path)?.[1]?.replace(/_(?:filter|static)$/, '');
  if (name === undefined) return false;
  // nginx's modules are named as their directives begin: `sub` has `sub_filter`.
  return MODULE_NAMES.some(({ names }) => new RegExp(`(?:^|\\s)${name}(?:_|\\s|$)`).test(names));
}

function builtIn(word: Word): Finding {
  const message = `module "${word.text}" is built in`;
  const help = 'the directive has no effect here; nginx needs it if it was built without the module';
  return { code: 'built-in-module', severity: 'warning', message, at: word, help };
}

function refused(word: Word, message: string): Finding {
  return { code: 'module-not-loaded', severity: 'error', message, at: word };
}

/** Reason why a module cannot be used beside others, or null. */
function conflictOf(module: Module, others: readonly Module[]): string | null {
  if (others.some(({ name }) => name === module.name)) return `module "${module.name}" is already loaded`;
  for (const [name, { contexts }] of Object.entries(module.directives)) {
    const owner = others.find(({ directives }) =>
      directives[name]?.contexts.some((context) => contexts.includes(context)),
    );
    if (owner !== undefined)
      return `directive "${name}" of module "${module.name}" is already declared by "${owner.name}"`;
  }
  return null;
}

/** Removes findings about unknown names, which a module that could not be loaded may declare. */
function withoutNames(result: CheckResult): CheckResult {
  const findings = result.findings.filter(({ code }) => code !== 'unknown-directive' && code !== 'unknown-variable');
  return { ...result, findings };
}

function withFindings(result: CheckResult, added: readonly Finding[]): CheckResult {
  if (added.length === 0) return result;
  const { config, findings, sources, expansion } = result;
  const all = [...findings, ...added];
  return {
    ...result,
    config: added.some(({ severity }) => severity === 'error') ? null : config,
    findings: expansion === null ? all : arrange(all, sources, expansion),
  };
}
