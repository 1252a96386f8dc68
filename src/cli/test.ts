/** `tsproxy -t` and `-T`: says everything that is wrong with a configuration. */
import { parse } from '../../grammar/parser.js';
import { type Item, isStatement, type Source } from '../../grammar/syntax-tree.js';
import { Catalogue } from '../config/catalogue.js';
import type { CheckedConfig } from '../config/checked-config.js';
import type { Finding } from '../diagnostics/finding.js';
import { fileLineColumn, shown } from '../diagnostics/place.js';
import { compileRoutingTable } from '../exchange/compiler.js';
import type { ErrorLog } from '../exchange/error-log.js';
import type { Module } from '../exchange/module.js';
import { confDirectoryOf } from '../process/configuration.js';
import { checkNamed } from '../process/named-modules.js';
import { startSentence } from '../process/start-sentence.js';
import { sayToPerson } from '../process/stderr.js';
import type { Order } from './order.js';
import { sourceOf } from './paths.js';
import { encoded, writeOut } from './stdout.js';

/** Tests; returns the exit code. */
export async function test(order: Extract<Order, { do: 'test' }>): Promise<number> {
  const source = sourceOf(order.which);
  const file = shown(source.name);
  const { result, modules } = await checkNamed(source);
  const [{ lintAndProbe }, { NAMED_LINTS }] = await Promise.all([
    import('../lints/engine/run.js'),
    import('../lints/engine/named-lints.js'),
  ]);
  const { config, findings, sources } = await lintAndProbe(result, NAMED_LINTS, { directory: confDirectoryOf(source) });
  const said = order.quiet ? findings.filter((finding) => finding.severity === 'error') : findings;
  if (order.json) await writeJson(findings);
  else if (said.length > 0) await say(said);
  if (config === null || !(await starts(config, modules, source.prefix))) {
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

// How findings look is loaded where there are any: most tests find nothing.

async function say(findings: readonly Finding[]): Promise<void> {
  const [{ renderFindings }, { colored }] = await Promise.all([
    import('../diagnostics/render.js'),
    import('./terminal.js'),
  ]);
  sayToPerson(renderFindings(findings, { color: colored() }).trimEnd());
}

async function writeJson(findings: readonly Finding[]): Promise<void> {
  const { findingsToJson } = await import('../diagnostics/json.js');
  writeOut(encoded(`${JSON.stringify(findingsToJson(findings), null, 2)}\n`));
}

/** Whether the configuration could also be started, as far as that can be told without listening; says why not. */
async function starts(config: CheckedConfig, modules: readonly Module[], prefix: string): Promise<boolean> {
  const errorLog: ErrorLog = { threshold: -1, write: () => {} };
  try {
    await compileRoutingTable(config, modules, { errorLog, prefix, onlyTest: true });
    return true;
  } catch (error) {
    sayToPerson(`tsproxy: [emerg] ${shown(startSentence(error))}`);
    return false;
  }
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
