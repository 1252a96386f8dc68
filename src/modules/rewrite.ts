/** `rewrite`, `return`, `set`, `if`, `break`: nginx's `ngx_http_rewrite_module`, whose script runs once per server and once per location. */
import type { Stats } from 'node:fs';
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, flag, none } from '../config/argument-types.js';
import { type AssignmentData, assignment } from '../config/assignment-argument.js';
import type { CheckedStep } from '../config/checked-config.js';
import { type Condition, condition } from '../config/condition.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { parsePattern } from '../config/pattern.js';
import type { PatternData, TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { parseInteger } from '../config/units.js';
import { errnoText } from '../diagnostics/errno.js';
import { answerClosed } from '../exchange/closed.js';
import { type HttpExchange, httpExchange } from '../exchange/exchange.js';
import { failedCall } from '../exchange/file-error.js';
import { outgrown } from '../exchange/growth.js';
import { isRedirect } from '../exchange/redirect.js';
import { fileStatus } from '../exchange/static-file.js';
import { escapeArgs, unescapeRedirect } from '../http/uri-escape.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { type Compiler, defineModule, type Handler, type Scope } from '../program/module.js';
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';
import { DONE, NEXT, type Verdict } from '../program/verdict.js';
import { withoutUpstream } from '../program/without-upstream.js';

const CONTEXTS = ['server', 'location', 'if in server', 'if in location'] as const satisfies readonly Context[];
const LOG_CONTEXTS = ['http', ...CONTEXTS] as const satisfies readonly Context[];

// -- parsing

interface Rewrite {
  readonly pattern: PatternData;
  /** The replacement without the `?` at its end; for an internal rewrite, only the part before the first `?`. */
  readonly target: TemplateData;
  /** New arguments of an internal rewrite, or null if it has none. */
  readonly args: TemplateData | null;
  /** Whether the request arguments are kept: the replacement has no trailing `?`. */
  readonly keepArgs: boolean;
  /** Whether a redirect has arguments of its own, so that the request's are appended with `&`. */
  readonly hasQuery: boolean;
  /** 301 or 302; 0 for an internal rewrite. */
  readonly redirect: 0 | 301 | 302;
  /** Whether a match ends the script. */
  readonly last: boolean;
  /** Whether a match keeps the current location. */
  readonly breaks: boolean;
}

function parseRewrite(words: readonly Word[], c: ArgumentContext): Rewrite {
  const [regex, replacement, parameter] = words as readonly [Word, Word, Word?]; // 2 or 3 words: `min` and `max`
  if (replacement.text === '') c.fail(replacement, 'invalid-value', 'empty replacement');
  const pattern = parsePattern(regex, c);
  const keepArgs = !replacement.text.endsWith('?');
  const end = keepArgs ? replacement.text.length : replacement.text.length - 1;
  const option = parameter?.text;
  if (parameter !== undefined && !['last', 'break', 'redirect', 'permanent'].includes(parameter.text)) {
    c.fail(parameter, 'invalid-value', `invalid parameter "${parameter.text}"`, {
      help: 'it must be one of: last, break, redirect, permanent',
    });
  }
  const absolute = isAbsolute(replacement.text);
  const redirect = option === 'permanent' ? 301 : option === 'redirect' || absolute ? 302 : 0;
  const common = {
    pattern,
    keepArgs,
    redirect,
    last: option !== undefined || absolute,
    breaks: option === 'break',
  } as const;
  const query = replacement.text.slice(0, end).indexOf('?');
  if (redirect !== 0 || query < 0) {
    return { ...common, target: parseTemplate(replacement, c, 0, end), args: null, hasQuery: query >= 0 };
  }
  const target = parseTemplate(replacement, c, 0, query);
  return { ...common, target, args: parseTemplate(replacement, c, query + 1, end), hasQuery: true };
}

function isAbsolute(text: string): boolean {
  return text.startsWith('http://') || text.startsWith('https://') || text.startsWith('$scheme');
}

interface Return {
  readonly status: number;
  /** The body or the redirect URL. */
  readonly text: TemplateData;
}

function parseReturn(words: readonly Word[], c: ArgumentContext): Return {
  const [first, second] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  const status = parseInteger(first.text);
  if (status === null && second === undefined && isAbsolute(first.text)) {
    return { status: 302, text: parseTemplate(first, c) };
  }
  if (status === null || status > 999) {
    return c.fail(first, 'invalid-value', `invalid return code "${first.text}"`, {
      help: 'return takes a status, a status with a text or URL, or a URL that starts with http://, https:// or $scheme',
    });
  }
  return { status, text: second === undefined ? '' : parseTemplate(second, c) };
}

// -- execution

/** Execution of one script for one request. */
class Run {
  /**
   * Whether captures are escaped if the client sent an escaped URI. As in nginx, true until the first internal
   * rewrite that matches.
   */
  quote = true;
}

/** A step of a script: continues, ends the script, or returns the verdict that ends the request. */
type Step = (x: HttpExchange, run: Run) => Verdict;
const CONTINUE = 0;
/** Ends the script; the request continues. */
const STOP = NEXT;

interface Script {
  readonly scope: Scope;
  readonly compiler: Compiler;
  /** `rewrite_log`. */
  readonly log: boolean;
  /** Whether the body of an `if` compiled so far has a pass directive. */
  passes: boolean;
}

function compileSteps(steps: readonly CheckedStep[], script: Script): Step[] {
  const compiled: Step[] = [];
  for (const step of steps) {
    const compiledStep = compileStep(step, script);
    if (compiledStep !== null) compiled.push(watched(compiledStep, step, script.compiler));
  }
  return compiled;
}

function compileStep(step: CheckedStep, script: Script): Step | null {
  // The type of a step's value is that of its directive's argument.
  switch (step.directive) {
    case 'rewrite':
      return compileRewrite(step.value as Rewrite, script);
    case 'return':
      return compileReturn(step.value as Return, script);
    case 'set':
      return compileSet(step.value as AssignmentData, script.compiler);
    case 'if':
      return compileIf(step, script);
    case 'break':
      return stop;
    default:
      return null;
  }
}

/** Reports the outcome of a step to the compiler's observer; an `if` reports its condition, and its body's steps themselves. */
function watched(compiledStep: Step, step: CheckedStep, compiler: Compiler): Step {
  if (step.directive === 'if') return compiledStep;
  const assigned = step.directive === 'set' ? compiler.variable((step.value as AssignmentData).variable) : null;
  return compiler.observer.watch(compiledStep, (x, verdict) => ({
    kind: 'step',
    step,
    holds: step.directive === 'rewrite' ? x.captures !== null : null,
    verdict,
    values: assigned === null ? {} : { [`$${assigned.name}`]: assigned.value(x) ?? '' },
  }));
}

function runSteps(steps: readonly Step[], x: HttpExchange, run: Run): Verdict {
  for (let i = 0; i < steps.length; i++) {
    const verdict = (steps[i] as Step)(x, run);
    if (verdict !== CONTINUE) return verdict;
  }
  return CONTINUE;
}

function stop(x: HttpExchange): Verdict {
  if (x.uriChanged) keepLocation(x);
  return STOP;
}

/** Handles the changed URI in the current location. */
function keepLocation(x: HttpExchange): void {
  x.uriChanged = false;
  x.validLocation = false;
}

function compileRewrite(rewrite: Rewrite, { compiler, log }: Script): Step {
  const pattern = compiler.pattern(rewrite.pattern);
  const target = compiler.template(rewrite.target);
  const args = rewrite.args === null ? null : compiler.template(rewrite.args);
  const { written } = rewrite.pattern;
  return (x, run) => {
    if (!pattern.test(x, x.uri)) {
      x.captures = null;
      if (log) logError(x, 'notice', `"${written}" does not match "${x.uri}"`);
      return CONTINUE;
    }
    if (log) logError(x, 'notice', `"${written}" matches "${x.uri}"`);
    x.internal = true;
    x.uriUnchanged = false;
    if (rewrite.redirect !== 0) {
      let location = unescapeRedirect(fill(target, x, true));
      if (rewrite.keepArgs && x.args !== '') location += (rewrite.hasQuery ? '&' : '?') + x.args;
      if (log) logError(x, 'notice', `rewritten redirect: "${location}"`);
      x.response.set('Location', location);
      return rewrite.redirect;
    }
    if (rewrite.breaks) keepLocation(x);
    else x.uriChanged = true;
    const uri = fill(target, x, false);
    let query = rewrite.keepArgs ? x.args : '';
    if (args !== null) {
      const own = fill(args, x, true);
      query = query === '' ? own : `${own}&${query}`;
    }
    if (outgrown(x, uri.length) || outgrown(x, query.length)) {
      logError(x, 'error', `rewrite or internal redirection cycle while processing "${x.uri}"`);
      return 500;
    }
    x.args = query;
    run.quote = false;
    if (log) logError(x, 'notice', `rewritten data: "${uri}", args: "${x.args}"`);
    x.uri = uri;
    if (uri === '') {
      logError(x, 'error', 'the rewritten URI has a zero length');
      return 500;
    }
    return rewrite.last ? STOP : CONTINUE;
  };
}

/** Evaluates a template; escapes captures again if `quote` is set and the client sent an escaped URI. */
function fill(template: Template, x: HttpExchange, quote: boolean): string {
  if (template.constant !== null) return template.constant;
  if (!quote || !wasEscaped(x)) return template.of(x);
  let out = '';
  for (const part of template.parts) {
    if (typeof part === 'string') out += part;
    else {
      const value = part.value(x) ?? '';
      const isCapture = part.name.length === 1 && part.name >= '1' && part.name <= '9';
      out += isCapture ? escapeArgs(value) : value;
    }
  }
  return out;
}

/** Whether the path as sent by the client contains `%` or `+`. nginx: quoted_uri, plus_in_uri. */
function wasEscaped(x: HttpExchange): boolean {
  const query = x.target.indexOf('?');
  const path = query < 0 ? x.target : x.target.slice(0, query);
  return path.includes('%') || path.includes('+');
}

function compileReturn({ status, text }: Return, { compiler, scope }: Script): Step {
  // A server whose locations are closed must not respond itself; it may redirect.
  if (status < 300 && scope.block.closed !== undefined) return answerClosed(scope.block.closed);
  if (status >= 400 && text === '') return () => status;
  const template = compiler.template(text);
  if (isRedirect(status)) {
    return (x) => {
      x.response.status = status;
      x.response.set('Location', template.of(x));
      return status;
    };
  }
  return (x) => {
    // The text may contain `$status`.
    x.response.status = status;
    x.respond(status, template.of(x));
    return DONE;
  };
}

function compileSet(assigned: AssignmentData, compiler: Compiler): Step {
  const variable = compiler.variable(assigned.variable);
  // A variable with a getter of its own (`map`, `$args`) keeps it until it is assigned.
  if (variable.getter === null) {
    const uninitialized = (x: Exchange): string => {
      if (x.location.settings.get(UNINITIALIZED_WARN))
        logError(x, 'warn', `using uninitialized "${variable.name}" variable`);
      return '';
    };
    // Cached, so that the warning is logged once per request.
    compiler.define(variable.name, uninitialized, true);
  }
  const value = compiler.template(assigned.value);
  return (x, run) => {
    const text = fill(value, x, run.quote);
    if (outgrown(x, text.length)) {
      logError(x, 'error', `too long value of the variable "${variable.name}"`);
      return 500;
    }
    variable.assign(x, text);
    return CONTINUE;
  };
}

const UNINITIALIZED_WARN = new SettingsKey<boolean>('uninitialized_variable_warn', true);

function compileIf(step: CheckedStep, script: Script): Step {
  const test = watchedTest(compileCondition(step.value as Condition, script), step, script.compiler);
  const program = script.scope.block.context === 'location' ? script.scope.nested(step) : null;
  const closed = program?.block?.closed;
  const body = closed === undefined ? compileSteps(step.block?.steps ?? [], script) : [answerClosed(closed)];
  const bodyWithoutUpstream = program !== null && script.passes && !program.passes ? withoutUpstream(program) : null;
  if (program?.passes) script.passes = true;
  return (x, run) => {
    if (!test(x, run)) return CONTINUE;
    if (program !== null)
      x.location = bodyWithoutUpstream !== null && x.location.passes ? bodyWithoutUpstream : program;
    return runSteps(body, x, run);
  };
}

function watchedTest(test: Test, step: CheckedStep, compiler: Compiler): Test {
  const data = step.value as Condition;
  const tested = 'variable' in data ? compiler.variable(data.variable) : null;
  return compiler.observer.watch(test, (x, holds) => ({
    kind: 'step',
    step,
    holds,
    verdict: null,
    values: tested === null ? {} : { [`$${tested.name}`]: tested.value(x) ?? '' },
  }));
}

type Test = (x: HttpExchange, run: Run) => boolean;

function compileCondition(data: Condition, { compiler, log }: Script): Test {
  if (data.test === 'true') {
    const variable = compiler.variable(data.variable);
    return (x) => {
      const value = variable.value(x);
      return value !== undefined && value !== '' && value !== '0';
    };
  }
  if (data.test === 'equal') {
    const variable = compiler.variable(data.variable);
    const template = compiler.template(data.value);
    return (x, run) => ((variable.value(x) ?? '') === fill(template, x, run.quote)) !== data.negated;
  }
  if (data.test === 'match') {
    const variable = compiler.variable(data.variable);
    const pattern = compiler.pattern(data.pattern);
    const { written } = data.pattern;
    return (x) => {
      const value = variable.value(x) ?? '';
      const matches = pattern.test(x, value);
      if (!matches) x.captures = null;
      if (log) logError(x, 'notice', `"${written}" ${matches ? 'matches' : 'does not match'} "${value}"`);
      return matches !== data.negated;
    };
  }
  const path = compiler.template(data.path);
  return (x, run) => {
    const found = statusOf(x, fill(path, x, run.quote));
    return (found !== null && hasProperty(found, data.test)) !== data.negated;
  };
}

function hasProperty(file: Stats, test: 'f' | 'd' | 'e' | 'x'): boolean {
  switch (test) {
    case 'f':
      return file.isFile();
    case 'd':
      return file.isDirectory();
    case 'e':
      return true;
    case 'x':
      // Executable by its owner, as in nginx.
      return (file.mode & 0o100) !== 0;
  }
}

/** File status of a path, or null if it does not exist. Synchronous, because the inode is usually cached by the kernel. */
function statusOf(x: HttpExchange, path: string): Stats | null {
  // NUL ends a path in system calls, and node:fs throws on it.
  if (path.includes('\0')) return null;
  try {
    return fileStatus(x, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTDIR' && code !== 'ENAMETOOLONG') {
      logError(x, 'crit', `${failedCall(error)}() "${path}" failed (${errnoText(error)})`);
    }
    return null;
  }
}

function compileScript(log: boolean, scope: Scope): Handler | null {
  const steps = compileSteps(scope.block.steps, { scope, compiler: scope.compiler, log, passes: false });
  if (steps.length === 0) return null;
  return (x) => {
    const verdict = runSteps(steps, httpExchange(x), new Run());
    return verdict === CONTINUE ? NEXT : verdict;
  };
}

export default defineModule({
  name: 'rewrite',
  doc: 'Changes URIs with regular expressions, returns redirects and texts, sets variables, and selects configurations by conditions.',
  directives: {
    rewrite: {
      contexts: CONTEXTS,
      takes: custom('regex replacement [last | break | redirect | permanent]', 2, 3, parseRewrite),
      step: true,
      repeat: true,
      doc: 'Changes the URI of a request that matches the regular expression. `last` then searches for a location again, `break` keeps this one, `redirect` and `permanent` (and a replacement that starts with `http://`, `https://` or `$scheme`) redirect the client with 302 or 301. The arguments of the request are kept unless the replacement ends with `?`. After ten changes, or if the URI grows beyond 256 KiB and four times the size of the request, the response is 500.',
      example: 'rewrite ^/users/(.*)$ /show?user=$1 break;',
    },
    return: {
      contexts: CONTEXTS,
      takes: custom('code [text] | code URL | URL', 1, 2, parseReturn),
      step: true,
      repeat: true,
      doc: 'Stops processing and returns a status: alone, with a text, or for 301, 302, 303, 307 and 308 with the redirect URL. A URL alone returns 302. Status 444 closes the connection without a response.',
      example: 'return 301 https://$host$request_uri;',
    },
    set: {
      contexts: CONTEXTS,
      takes: assignment,
      step: true,
      repeat: true,
      links: ({ variable }: AssignmentData) => ({ name: `$${variable}` }),
      doc: 'Sets a variable for the rest of the request. A value beyond 256 KiB and four times the size of the request is an error with status 500.',
      example: 'set $backend "app-$arg_version";',
    },
    if: {
      contexts: ['server', 'location'],
      takes: condition,
      body: { context: (enclosing: Context) => (enclosing === 'server' ? 'if in server' : 'if in location') },
      step: true,
      repeat: true,
      doc: 'Executes the steps in the block if the condition is true; in a location, the request then uses the configuration of the block. A condition is a variable (false if empty or `0`), a comparison with `=` and `!=`, a match with `~`, `~*`, `!~` and `!~*`, or a test of a file with `-f`, `-d`, `-e` and `-x`, negated by `!`.',
      example: 'if ($request_method = POST) {\n    return 405;\n}',
    },
    break: {
      contexts: CONTEXTS,
      takes: none,
      step: true,
      repeat: true,
      doc: 'Ends the rewrite steps of this server or location. A URI that was changed before is handled in the current location.',
      example: 'break;',
    },
    rewrite_log: {
      contexts: LOG_CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Logs the execution of rewrite steps at level notice.',
      example: 'rewrite_log on;',
    },
    uninitialized_variable_warn: {
      contexts: LOG_CONTEXTS,
      takes: flag,
      default: 'on',
      doc: 'Logs a warning if a variable of `set` is used before a value has been assigned.',
      example: 'uninitialized_variable_warn off;',
    },
  },
  settings(conf, at) {
    at.program.settings.set(UNINITIALIZED_WARN, conf.uninitialized_variable_warn);
  },
  phases: {
    serverRewrite: {
      order: 100,
      compile: (conf, at) => (at.block.context === 'server' ? compileScript(conf.rewrite_log, at) : null),
    },
    rewrite: {
      order: 100,
      // The body of an `if` is part of the script of the enclosing location.
      compile: (conf, at) => (at.block.context === 'location' ? compileScript(conf.rewrite_log, at) : null),
    },
  },
});
