/** `tsproxy -t` and `-T`: reports all findings of a configuration. */

import { parse } from '../../grammar/parser.js';
import { type Item, isStatement, type Source } from '../../grammar/syntax-tree.js';
import { Catalogue } from '../config/catalogue.js';
import { withoutEffect } from '../config/without-effect.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { Finding } from '../diagnostics/finding.js';
import { fileLineColumn } from '../diagnostics/place.js';
import { isEnclosing } from '../fragments/outside.js';
import type { Tree } from '../fragments/tree.js';
import type { ConfigSource } from '../process/configuration.js';
import { printError } from '../process/standard-streams.js';
import type { Module } from '../program/module.js';
import { delayedJitReader } from './delayed-jit-reader.js';
import { diagnose } from './diagnosis.js';
import { distinctFindings } from './distinct-findings.js';
import type { ConfigSelection, Invocation } from './invocation.js';
import { writeOut } from './stdout.js';
import { diagnoseTested, type TestedArgument, testedArgument, testedAs } from './tested-source.js';
import { USAGE_EXIT_CODE } from './usage-error.js';

type TestInvocation = Extract<Invocation, { do: 'test' }>;

/** Tests; returns the exit code: 1 if any configuration fails. */
export async function test(options: TestInvocation): Promise<number> {
  if (!(await validateOptions(options))) return USAGE_EXIT_CODE;
  const files = options.paths.length === 0 ? [options.which.file] : options.paths;
  const reported: Finding[] = [];
  let code = 0;
  for (const file of files) code = Math.max(code, await testOne(options, { ...options.which, file }, reported));
  if (options.format !== 'text') await (await import('./report.js')).report(reported, options.format);
  return code;
}

/** Tests one argument. Findings are printed as text at once; for machine-readable formats they are added to `reported`. */
async function testOne(options: TestInvocation, which: ConfigSelection, reported: Finding[]): Promise<number> {
  let argument: TestedArgument;
  try {
    argument = await testedArgument(which, options.as);
    if (options.fix !== null) argument = await fixed(options, which, argument);
  } catch (error) {
    printError(`tsproxy: [emerg] ${toText((error as Error).message)}`);
    return 1;
  }
  const { texts, tree } = argument;
  const file = toText(argument.name);
  const asText = options.format === 'text';
  if (asText && !options.quiet) {
    const how = tree !== null ? contentsOf(file, tree) : texts.map(testedAs).filter((each) => each !== null);
    for (const line of how) printError(`tsproxy: ${line}`);
  }
  const fails = options.strict ? isLoud : isError;
  const all: Finding[] = [];
  const sources: Source[] = [];
  const used = new Set<Module>();
  let failed = false;
  for (const tested of texts) {
    const check = (source: ConfigSource, machine: boolean) =>
      diagnose({ ...source, reader: source.reader ?? delayedJitReader() }, options.ignored, machine, options.nginx);
    const { config, findings, ...read } = await diagnoseTested(tested, check);
    if ((config === null && tested.machine) || findings.some(fails)) failed = true;
    all.push(...findings);
    sources.push(...read.sources);
    for (const module of read.modules) used.add(module);
  }
  const findings = tree === null ? all : distinctFindings(all);
  const shownFindings = options.quiet && asText ? findings.filter(fails) : findings;
  if (!asText) reported.push(...shownFindings);
  // Loaded on demand, because most tests have no findings.
  else if (shownFindings.length > 0) await (await import('./report.js')).report(shownFindings, 'text', options.all);
  if (asText) printMissing(shownFindings, tree === null ? file : null);
  const what = tree === null ? 'configuration file' : 'directory';
  if (failed) {
    printError(`tsproxy: ${what} ${file} test failed`);
    return 1;
  }
  if (!options.quiet) {
    if (tree === null) printError(`tsproxy: the configuration file ${file} syntax is ok`);
    printError(`tsproxy: ${what} ${file} test is successful`);
  }
  if (options.noEffect) writeOut(listWithoutEffect(sources, [...used]));
  if (options.dump)
    for (const { name, text } of distinct(sources.filter((each) => !isEnclosing(each))))
      writeOut(`# configuration file ${name}:\n${text}\n`);
  return 0;
}

/** Sentences about the texts of a directory. */
function contentsOf(directory: string, tree: Tree): string[] {
  const wholes = tree.files.filter(({ enclosing }) => enclosing === null).length;
  const parts = tree.files.length - wholes;
  const counts = [
    ...(wholes === 0 ? [] : [`${wholes} configuration${wholes === 1 ? '' : 's'}`]),
    ...(parts === 0 ? [] : [`${parts} part${parts === 1 ? '' : 's'} of configurations`]),
  ];
  const { others } = tree;
  const names = others.slice(0, MAX_OTHERS).map((path) => toText(path.slice(tree.directory.length)));
  const more = others.length > MAX_OTHERS ? ` and ${others.length - MAX_OTHERS} more` : '';
  return [
    `${directory}: ${counts.join(' and ')}`,
    ...(others.length === 0
      ? []
      : [`not tested, because no nginx configuration was recognised: ${names.join(', ')}${more}`]),
  ];
}

/** Files listed that are not tested. */
const MAX_OTHERS = 10;

/**
 * Prints unsupported features by module, with the number of their places, unless there is only one finding about them.
 *
 * @param file null for several files
 */
function printMissing(findings: readonly Finding[], file: string | null): void {
  const modules = new Map<string, Map<string, number>>();
  let count = 0;
  for (const { missing } of findings) {
    if (missing === undefined) continue;
    count++;
    const counts = modules.get(missing.module) ?? new Map<string, number>();
    modules.set(missing.module, counts.set(missing.name, (counts.get(missing.name) ?? 0) + 1));
  }
  if (count < 2) return;
  printError('tsproxy: not supported (with the number of places):');
  for (const [module, counts] of modules) {
    const names = [...counts].map(([name, places]) => (places === 1 ? name : `${name} (${places})`));
    printError(`  ${module}: ${names.join(', ')}`);
  }
  const listed = file === null ? [] : [`"tsproxy compat ${file}" lists all places`];
  const isError = findings.some(({ missing, severity }) => missing !== undefined && severity === 'error');
  const allowed = isError ? ['--allow-unsupported starts without them'] : [];
  if (listed.length + allowed.length > 0) printError(`tsproxy: ${[...listed, ...allowed].join('; ')}`);
}

function isError({ severity }: Finding): boolean {
  return severity === 'error';
}

function isLoud({ severity }: Finding): boolean {
  return severity !== 'hint';
}

/** Whether the options are compatible and the ignored codes exist; prints the reason otherwise. */
async function validateOptions({ fix, format, ignored }: TestInvocation): Promise<boolean> {
  if (fix === 'show' && format !== 'text') {
    printError('tsproxy: --dry-run prints its diff to standard output and requires --format text');
    return false;
  }
  if (ignored.length === 0) return true;
  const { allStories, noSuchCode } = await import('./code-stories.js');
  const stories = await allStories();
  const unknown = ignored.find((each) => !stories.some(({ code }) => code === each));
  if (unknown === undefined) return true;
  printError(noSuchCode(unknown, stories));
  return false;
}

/** Fixes the files, or shows the changes; returns the argument as it is now. */
async function fixed(
  { fix: how, ignored, as }: TestInvocation,
  which: ConfigSelection,
  given: TestedArgument,
): Promise<TestedArgument> {
  const { applyToFiles, showDiff } = await import('./fix.js');
  const codes = new Set(ignored);
  const done = new Set<string>();
  let argument = given;
  for (;;) {
    const next = argument.texts.find(({ name }) => !done.has(name));
    if (next === undefined) return argument;
    done.add(next.name);
    if (how !== 'apply') await showDiff(next, codes);
    // A file may be included by several texts, and its new text may belong elsewhere.
    else if (await applyToFiles(next, codes)) argument = await testedArgument(which, as, argument.given);
  }
}

/** One line per statement or parameter that is accepted without effect: place, name and reason. Bytes. */
function listWithoutEffect(sources: readonly Source[], modules: readonly Module[]): string {
  const catalogue = new Catalogue(modules);
  const lines: string[] = [];
  const walk = (items: readonly Item[]): void => {
    for (const item of items) {
      if (!isStatement(item)) continue;
      const [found = []] = catalogue
        .all(item.name.text)
        .map(({ spec }) => withoutEffect(item, spec))
        .filter(({ length }) => length > 0);
      for (const { at, name, reason } of found) lines.push(`${fileLineColumn(at)}: ${toText(name)}: ${reason}\n`);
      if (item.block !== null) walk(item.block.items);
    }
  };
  for (const source of distinct(sources)) walk(parse(source).items);
  return toBytes(lines.join(''));
}

/** Each file once, in the order in which they were first read. */
function distinct(sources: readonly Source[]): Iterable<Source> {
  return new Map(sources.map((each) => [each.name, each])).values();
}
