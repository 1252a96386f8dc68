/** `tsproxy explain`: processing of a request by a configuration, as text or JSON. */
import { LEVELS } from '../config/log-level.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import { asText } from '../explain/as-text.js';
import { CannotExplain } from '../explain/cannot-explain.js';
import { Explainer } from '../explain/explainer.js';
import { renderExplanation } from '../explain/render.js';
import type { RequestInput } from '../explain/request-input.js';
import type { Enclosing } from '../fragments/blocks.js';
import { modules as builtIn } from '../modules/index.js';
import { checkWithModuleFiles } from '../process/checked-modules.js';
import { printError } from '../process/standard-streams.js';
import { logUncaughtErrors } from '../process/uncaught-errors.js';
import { globalsOf } from './invocation.js';
import { displayName } from './paths.js';
import { printFindings } from './print-findings.js';
import { print, printJson } from './stdout.js';
import { colored } from './terminal.js';
import { type CheckedText, checkTested, type Tested, testedConfiguration } from './tested-source.js';
import { UsageError } from './usage-error.js';

/** Options as written. */
export interface ExplainOptions {
  readonly c?: string;
  readonly p?: string;
  readonly g?: string;
  readonly as?: Enclosing;
  readonly allowUnsupported?: true;
  readonly header?: readonly string[];
  readonly host?: string;
  readonly from?: string;
  readonly listen?: string;
  readonly body?: string;
  /** Bytes. */
  readonly bodySize?: number;
  readonly status?: number;
  readonly answer?: readonly string[];
  readonly json?: true;
}

/** Explains a request; returns the exit code. */
export async function explain(words: readonly string[], options: ExplainOptions): Promise<number> {
  // Functions of scripts run in this process.
  logUncaughtErrors({
    threshold: LEVELS.indexOf('error'),
    write: (_level, message) => printError(`tsproxy: ${toText(message)}`),
  });
  const which = { file: options.c, prefix: options.p, errorLog: undefined, globals: globalsOf(options) };
  try {
    const tested = await testedConfiguration(which, options.as ?? null).catch((error: Error) => {
      throw new CannotExplain(error.message, [], 'configuration');
    });
    // All modules: modules without a directive in the configuration may process requests, too.
    const check = (some: Tested) => checkTested(some, (source) => checkWithModuleFiles(source, builtIn));
    const { result, modules } = await withoutFailingParts(tested, check);
    const explainer = await Explainer.open(result, modules, tested.source.prefix);
    try {
      const explanation = asText(await explainer.explain(inputOf(words, options)));
      if (options.json) printJson(explanation);
      else print(renderExplanation(explanation, { color: colored(1), file: displayName }));
    } finally {
      explainer.close();
    }
    return 0;
  } catch (error) {
    if (!(error instanceof CannotExplain)) throw error;
    const { findings, message, fault } = error;
    if (fault === 'request') throw new UsageError(toText(message));
    if (findings.length > 0) printFindings(findings);
    else printError(`tsproxy: ${toText(message)}`);
    return 1;
  }
}

/** Checks; if sites of a directory have errors, the others only. */
async function withoutFailingParts(
  tested: Tested,
  check: (some: Tested) => Promise<CheckedText>,
): Promise<CheckedText> {
  const first = await check(tested);
  const { failing } = first;
  if (failing.length === 0 || failing.length === tested.parts.length) return first;
  const { length } = failing;
  const names = failing.slice(0, MAX_NAMED).map(({ name }) => displayName(toText(name)));
  const more = length > MAX_NAMED ? ` and ${length - MAX_NAMED} more` : '';
  printError(`tsproxy: left out because of errors: ${names.join(', ')}${more}; "tsproxy -t" shows them`);
  return check({ ...tested, parts: tested.parts.filter((each) => !failing.includes(each)) });
}

/** Files named that are left out. */
const MAX_NAMED = 10;

function inputOf(words: readonly string[], options: ExplainOptions): RequestInput {
  const { header = [], host, from, listen, body, bodySize, status, answer = [] } = options;
  const content = body === undefined ? bodySize : toBytes(body);
  return {
    line: toBytes(words.join(' ')),
    fields: header.map(toBytes),
    ...(host !== undefined && { host: toBytes(host) }),
    ...(from !== undefined && { from: toBytes(from) }),
    ...(listen !== undefined && { listen: toBytes(listen) }),
    ...(content !== undefined && { body: content }),
    answer: { ...(status !== undefined && { status }), fields: answer.map(toBytes) },
  };
}
