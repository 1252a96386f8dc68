/** `tsproxy help [NAME]`: reference of a directive, a variable or a module. */
import { knownDirectives } from '../config/foreign/known-directives.js';
import { knownVariable } from '../config/foreign/known-variables.js';
import { nearest } from '../diagnostics/nearest.js';
import { COLOURED, PLAIN, type Style } from '../diagnostics/style.js';
import { modules } from '../modules/index.js';
import { printError } from '../process/standard-streams.js';
import type { Module } from '../program/module.js';
import { allStories } from './code-stories.js';
import { Pages } from './help/pages.js';
import { print } from './stdout.js';
import { colored, pageWidth } from './terminal.js';

/**
 * Prints the reference of a name, or the overview without a name. Returns the exit code: 1 for an unknown name.
 *
 * @param commandHelp returns the help of a command
 */
export async function help(name: string | undefined, commandHelp: (name: string) => string | null): Promise<number> {
  const style: Style = colored(1) ? COLOURED : PLAIN;
  const pages = new Pages(style, pageWidth());
  const text = helpText(name, pages, commandHelp);
  if (text !== null) {
    print(text);
    return 0;
  }
  const wanted = name ?? '';
  printError((await isCode(wanted)) ? codeHint(wanted) : complaint(wanted, modules));
  return 1;
}

/** The help text; null for an unknown name. */
export function helpText(
  name: string | undefined,
  pages: Pages,
  commandHelp: (name: string) => string | null,
): string | null {
  const sorted = [...modules].sort((a, b) => (a.name < b.name ? -1 : 1));
  return name === undefined ? pages.overview(sorted) : textOf(name, sorted, pages, commandHelp);
}

function textOf(
  name: string,
  all: readonly Module[],
  pages: Pages,
  commandHelp: (name: string) => string | null,
): string | null {
  if (name.startsWith('$')) return variableText(name.slice(1).toLowerCase(), all, pages);
  const declaring = all.filter(({ directives }) => Object.hasOwn(directives, name));
  if (declaring.length > 0) {
    const module = all.find((one) => one.name === name);
    const others = Object.keys(module?.directives ?? {}).filter((one) => one !== name);
    const beside = [
      ...(others.length === 0 ? [] : [`The module ${name} also has: ${others.sort().join(', ')}.`]),
      ...(variableText(name, all, pages) === null ? [] : [`There is also a variable: tsproxy help '$${name}'`]),
      ...(commandHelp(name) === null ? [] : [`There is also a command: tsproxy ${name} --help`]),
    ];
    return pages.directive(name, declaring, beside);
  }
  const command = commandHelp(name);
  if (command !== null) return command;
  const module = all.find((one) => one.name === name);
  if (module !== undefined) return pages.module(module);
  const known = knownDirectives(name);
  if (known.length > 0) return pages.missingDirective(name, known);
  return variableText(name.toLowerCase(), all, pages);
}

/** @param name without its `$` */
function variableText(name: string, all: readonly Module[], pages: Pages): string | null {
  for (const module of all) {
    const { variables = {} } = module;
    const key = Object.hasOwn(variables, name) ? name : Object.keys(variables).find((one) => isFamilyOf(one, name));
    const spec = key === undefined ? undefined : variables[key];
    if (key !== undefined && spec !== undefined) return pages.variable(key, spec, module);
  }
  const owner = knownVariable(name);
  return owner === undefined ? null : pages.missingVariable(name, owner);
}

function isFamilyOf(key: string, name: string): boolean {
  return key.endsWith('*') && name.startsWith(key.slice(0, -1)) && name.length >= key.length;
}

/** Whether a finding code of that name exists. */
async function isCode(name: string): Promise<boolean> {
  return (await allStories()).some(({ code }) => code === name);
}

function codeHint(name: string): string {
  return `tsproxy: "${name}" is a code of findings: tsproxy code ${name}`;
}

function complaint(name: string, all: readonly Module[]): string {
  const variables = all.flatMap((module) => Object.keys(module.variables ?? {}).map((one) => `$${one}`));
  const names = all.flatMap((module) => [module.name, ...Object.keys(module.directives)]);
  const candidates = name.startsWith('$') ? variables : names;
  const meant = nearest(name, candidates)
    .slice(0, 3)
    .map((one) => `"${one}"`);
  const hint = meant.length === 0 ? '"tsproxy help" lists all directives' : `did you mean ${meant.join(' or ')}?`;
  const what = name.startsWith('$') ? 'variable' : 'directive, variable or module';
  return `tsproxy: there is no ${what} "${name}"; ${hint}`;
}
