/** `tsproxy -t` and `-T`: says everything that is wrong with a configuration. */
import { parse } from '../../grammar/parser.js';
import { offsetOf } from '../../grammar/positions.js';
import { type Item, isStatement, type Source, type Span } from '../../grammar/syntax-tree.js';
import { Catalogue } from '../config/catalogue.js';
import { arrange } from '../config/check.js';
import type { CheckedConfig, Place } from '../config/checked-config.js';
import type { Finding } from '../diagnostics/finding.js';
import { IgnoreComments } from '../diagnostics/ignore-comments.js';
import { fileLineColumn, shown } from '../diagnostics/place.js';
import { compileRoutingTable, StartError } from '../exchange/compiler.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Module } from '../exchange/module.js';
import { type ConfigSource, confDirectoryOf } from '../process/configuration.js';
import { checkNamed } from '../process/named-modules.js';
import { sayToPerson } from '../process/stderr.js';
import type { CodeStory } from './code-stories.js';
import type { Order } from './order.js';
import { sourceOf } from './paths.js';
import { encoded, writeOut } from './stdout.js';

type TestOrder = Extract<Order, { do: 'test' }>;

/** Tests; returns the exit code. */
export async function test(order: TestOrder): Promise<number> {
  const source = sourceOf(order.which);
  const file = shown(source.name);
  if (!(await isPossible(order))) return 1;
  if (order.fix !== null) await fix(order, source);
  const { config, findings, sources, modules } = await judged(source, order);
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

interface Judged {
  readonly config: CheckedConfig | null;
  /** Those that are to be heard. */
  readonly findings: readonly Finding[];
  readonly sources: readonly Source[];
  readonly modules: readonly Module[];
}

/** Checks, lints, and tries whether it could be started. */
async function judged(source: ConfigSource, { ignored }: TestOrder): Promise<Judged> {
  const { result, modules } = await checkNamed(source);
  const [{ lintAndProbe }, { NAMED_LINTS }] = await Promise.all([
    import('../lints/engine/run.js'),
    import('../lints/engine/named-lints.js'),
  ]);
  const { config, findings, sources, expansion } = await lintAndProbe(result, NAMED_LINTS, {
    directory: confDirectoryOf(source),
  });
  const comments = new IgnoreComments(sources);
  const heard = [...comments.heard(findings)];
  const known = heard.length;
  if (comments.size > 0) {
    const stories = new Map((await allStories()).map((each) => [each.code, each]));
    const knowledge = (code: string) => (stories.get(code)?.probes === true ? 'sometimes' : stories.has(code));
    heard.push(...comments.unused(knowledge, [...stories.keys()], config !== null));
  }
  const refusal = config === null ? null : await startFailure(config, modules, source.prefix, sources);
  if (refusal !== null) heard.push(refusal);
  const ordered = expansion === null || heard.length === known ? heard : arrange(heard, sources, expansion);
  const wanted = ordered.filter(({ code, severity }) => severity === 'error' || !ignored.includes(code));
  return { config, findings: wanted, sources, modules };
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
  const { nearest } = await import('../diagnostics/nearest.js');
  const codes = (await allStories()).map(({ code }) => code);
  for (const code of ignored.filter((each) => !codes.includes(each))) {
    const [meant] = nearest(code, codes);
    const help = meant === undefined ? '"tsproxy code" lists them' : `did you mean "${meant}"?`;
    sayToPerson(`tsproxy: there is no code "${code}"; ${help}`);
    return false;
  }
  return true;
}

/** Loaded where codes are named: it takes all lints. */
async function allStories(): Promise<readonly CodeStory[]> {
  const [{ codeStories }, { lints }] = await Promise.all([import('./code-stories.js'), import('../lints/index.js')]);
  return codeStories(lints);
}

/** Mends the files, or shows how. */
async function fix({ fix: how, ignored }: TestOrder, source: ConfigSource): Promise<void> {
  const { applyToFiles, showDiff } = await import('./fix.js');
  await (how === 'apply' ? applyToFiles : showDiff)(source, new Set(ignored));
}

/** Why the configuration could not be started, as far as that can be told without listening. */
async function startFailure(
  config: CheckedConfig,
  modules: readonly Module[],
  prefix: string,
  sources: readonly Source[],
): Promise<Finding | null> {
  const errorLog: ErrorLog = { threshold: -1, write: () => {} };
  try {
    await compileRoutingTable(config, modules, { errorLog, prefix, onlyTest: true });
    return null;
  } catch (error) {
    const place = error instanceof StartError ? error.at : null;
    const message = error instanceof Error ? error.message : String(error);
    return { code: 'cannot-start', severity: 'error', message, at: spanOf(place, sources) };
  }
}

/** The word at a place. */
function spanOf(place: Place | null, sources: readonly Source[]): Span | null {
  const source = sources.find(({ name }) => name === place?.file);
  if (place === null || source === undefined) return null;
  const start = offsetOf(source, place);
  const length = /^[^\s;{]*/.exec(source.text.slice(start, start + 200))?.[0].length ?? 0;
  return { source, start, end: start + length };
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
