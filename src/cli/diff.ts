/** `tsproxy diff`: differences between two configurations, as text or JSON. */

import type { CheckedConfig } from '../config/checked-config.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { Change } from '../difference/change.js';
import { difference } from '../difference/difference.js';
import { changeLine } from '../difference/lines.js';
import { modules as builtIn } from '../modules/index.js';
import { checkWithModuleFiles } from '../process/checked-modules.js';
import { printError } from '../process/standard-streams.js';
import type { Module } from '../program/module.js';
import { globalsOf } from './invocation.js';
import { displayName } from './paths.js';
import { printFindings } from './print-findings.js';
import { printJson, writeOut } from './stdout.js';
import { checkTested, type Tested, testedConfiguration } from './tested-source.js';

/** Options as written. */
export interface DiffOptions {
  readonly p?: string;
  readonly g?: string;
  readonly allowUnsupported?: true;
  readonly json?: true;
}

/** Compares; returns the exit code of diff(1). */
export async function diff(before: string, after: string, options: DiffOptions): Promise<number> {
  const one = await read(before, options);
  const other = await read(after, options);
  if (one === null || other === null) return 2;
  const { changes } = difference(one.config, other.config, [...new Set([...one.modules, ...other.modules])]);
  if (options.json) printJson({ same: changes.length === 0, changes: changes.map(asText) });
  else for (const change of changes) writeOut(`${changeLine(withRelativeNames(change))}\n`);
  return changes.length === 0 ? 0 : 1;
}

/** A configuration with the modules that it uses. */
interface Checked {
  readonly config: CheckedConfig;
  readonly modules: readonly Module[];
}

/** Checks what an argument names; if it is refused, prints the findings and returns null. */
async function read(file: string, options: DiffOptions): Promise<Checked | null> {
  const which = { file, prefix: options.p, errorLog: undefined, globals: globalsOf(options) };
  let tested: Tested;
  try {
    tested = await testedConfiguration(which);
  } catch (error) {
    printError(`tsproxy: [emerg] ${toText((error as Error).message)}`);
    return null;
  }
  const { result, modules } = await checkTested(tested, (source) => checkWithModuleFiles(source, builtIn));
  const { config, findings } = result;
  if (config !== null) return { config, modules };
  const errors = findings.filter(({ severity }) => severity === 'error');
  printFindings(errors);
  printError(`tsproxy: configuration file ${file} is refused`);
  return null;
}

/** Shows files below the working directory by their relative paths. */
function withRelativeNames({ before, after, ...change }: Change): Change {
  const near = (place: Change['before']): Change['before'] => {
    if (place === null) return null;
    const name = toText(place.file);
    const near = displayName(name);
    return near === name ? place : { ...place, file: toBytes(near) };
  };
  return { ...change, before: near(before), after: near(after) };
}

/** Converts the strings of a change from bytes to text. */
function asText({ kind, change, name, within, before, after, directives, locations }: Change): Change {
  const placed = (place: Change['before']): Change['before'] =>
    place === null ? null : { ...place, file: toText(place.file) };
  return {
    kind,
    change,
    name: toText(name),
    within: toText(within),
    before: placed(before),
    after: placed(after),
    directives: directives.map(toText),
    locations,
  };
}
