/** `tsproxy -t` and `-T`: says everything that is wrong with a configuration. */
import { parse } from '../../grammar/parser.js';
import { type Item, isStatement, type Source } from '../../grammar/syntax-tree.js';
import { Catalogue } from '../config/catalogue.js';
import type { Finding } from '../diagnostics/finding.js';
import { fileLineColumn, shown } from '../diagnostics/place.js';
import type { Module } from '../exchange/module.js';
import type { ConfigSource } from '../process/configuration.js';
import { sayToPerson } from '../process/standard-streams.js';
import { judged } from './judgement.js';
import type { Order } from './order.js';
import { sourceOf } from './paths.js';
import { patientReader } from './patient-reader.js';
import { encoded, writeOut } from './stdout.js';

type TestOrder = Extract<Order, { do: 'test' }>;

/** Tests; returns the exit code. */
export async function test(order: TestOrder): Promise<number> {
  const source = sourceOf(order.which);
  const file = shown(source.name);
  if (!(await isPossible(order))) return 1;
  if (order.fix !== null) await fix(order, source);
  const { config, findings, sources, modules } = await judged({ ...source, reader: patientReader() }, order.ignored);
  const fails = order.strict ? isLoud : isError;
  const failed = config === null || findings.some(fails);
  const said = order.quiet && order.format === 'text' ? findings.filter(fails) : findings;
  // How findings look is loaded where there are any: most tests find nothing.
  if (said.length > 0 || order.format !== 'text') await (await import('./report.js')).report(said, order.format);
  if (failed) {
    sayToPerson(`tsproxy: configuration file ${file} test failed`);
    return 1;
  }
  if (!order.quiet) {
    sayToPerson(`tsproxy: the configuration file ${file} syntax is ok`);
    sayToPerson(`tsproxy: configuration file ${file} test is successful`);
  }
  if (order.noEffect) writeOut(withoutEffect(sources, modules));
  if (order.dump) for (const { name, text } of sources) writeOut(`# configuration file ${name}:\n${text}\n`);
  return 0;
}

function isError({ severity }: Finding): boolean {
  return severity === 'error';
}

function isLoud({ severity }: Finding): boolean {
  return severity !== 'hint';
}

/** Whether the options go together, and name codes that there are; says what is wrong with them. */
async function isPossible({ fix, format, ignored }: TestOrder): Promise<boolean> {
  if (fix === 'show' && format !== 'text') {
    sayToPerson('tsproxy: the diff of --dry-run has its place on standard output: it goes with --format text only');
    return false;
  }
  if (ignored.length === 0) return true;
  const { allStories, noSuchCode } = await import('./code-stories.js');
  const stories = await allStories();
  const unknown = ignored.find((each) => !stories.some(({ code }) => code === each));
  if (unknown === undefined) return true;
  sayToPerson(noSuchCode(unknown, stories));
  return false;
}

/** Mends the files, or shows how. */
async function fix({ fix: how, ignored }: TestOrder, source: ConfigSource): Promise<void> {
  const { applyToFiles, showDiff } = await import('./fix.js');
  await (how === 'apply' ? applyToFiles : showDiff)(source, new Set(ignored));
}

/** A line for each statement that is accepted and changes nothing: place, name and reason. Bytes. */
function withoutEffect(sources: readonly Source[], modules: readonly Module[]): string {
  const catalogue = new Catalogue(modules);
  const lines: string[] = [];
  const walk = (items: readonly Item[]): void => {
    for (const item of items) {
      if (!isStatement(item)) continue;
      const { name, block } = item;
      const reason = catalogue.all(name.text).find(({ spec }) => spec.noEffect !== undefined)?.spec.noEffect;
      if (reason !== undefined) lines.push(`${fileLineColumn(name)}: ${shown(name.text)}: ${reason}\n`);
      if (block !== null) walk(block.items);
    }
  };
  for (const source of new Map(sources.map((each) => [each.name, each])).values()) walk(parse(source).items);
  return encoded(lines.join(''));
}
