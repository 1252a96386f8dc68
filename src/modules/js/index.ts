/** njs's `ngx_http_js_module`: functions of user modules that compute variables, respond, and decide about access. */
import { choice, integer, milliseconds, size, word } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { Context, Directives } from '../../config/directive.js';
import type { CheckContext } from '../../config/module-declaration.js';
import { exchangeOfSession } from '../../exchange/no-client.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { type Compiler, defineModule, type Handler, type Scope } from '../../program/module.js';
import type { Getter } from '../../program/variable-spec.js';
import { OK } from '../../program/verdict.js';
import { checkFunctions, checkImports, moduleFiles } from '../../scripting/check-functions.js';
import { functionName, IMPORTS_MAIN, NOT_IN_NJS } from '../../scripting/function-name.js';
import { pendingOf } from '../../scripting/pending-work.js';
import { contentHandler, decidingHandler } from '../../scripting/phase-handlers.js';
import { PROVIDERS } from '../../scripting/providers.js';
import { requestOf, takeReturned } from '../../scripting/request-object.js';
import { FAILED, type ScriptFunction } from '../../scripting/script-function.js';
import { SCRIPT_LIMITS } from '../../scripting/script-limits.js';
import { SCRIPT_SCOPE, type ScriptScope } from '../../scripting/script-scope.js';
import { SCRIPT_TIMES } from '../../scripting/script-times.js';
import { createdScripts, namesScripts, type Scripts, scriptsOf } from '../../scripting/scripts.js';
import { HandshakeSession } from '../../tls/handshake-session.js';
import { type ComputedVariable, computed, imported, type ScriptVariable, timeout, variable } from './arguments.js';
import { awaitVariables, definitionsOf } from './async-variables.js';

const LEVELS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const LOCATIONS = ['location', 'if in location', 'limit_except'] as const satisfies readonly Context[];

const directives = {
  js_import: {
    contexts: LEVELS,
    takes: imported,
    repeat: true,
    inherit: 'append',
    doc: 'Imports a module whose functions other directives name: `main.hello` is the function `hello` of `main`, a property of its default export or an export of that name. The name is that of the file unless `name from` precedes it. The file is JavaScript or, by its name, TypeScript (`.ts`, `.mts`), an ES module in both cases; a relative path is searched in the directory of the configuration file, then in the directories of `js_path`. Modules are loaded with each configuration, and are checked by `-t`.',
    differs:
      'A module is evaluated once per worker and configuration: its variables keep their values from request to request, as with `js_context_reuse` in nginx, unless `js_engine njs` is set.',
    differsSlightly: true,
    example: 'js_import http.js;\njs_import auth from njs/auth.ts;',
  },
  js_path: {
    contexts: LEVELS,
    takes: word('path', ({ text }, c) => c.path(text, 'conf')),
    repeat: true,
    inherit: 'append',
    doc: 'Adds a directory in which modules are searched that `js_import` or an import in a module names by a relative path.',
    example: 'js_path njs/lib;',
  },
  js_engine: {
    contexts: LEVELS,
    takes: choice('njs', 'qjs'),
    doc: 'Scripts are run by V8, as part of Node.js. With `njs`, each request has variables of modules of its own, as with the engine of that name: the statements of the modules that its functions belong to are executed again for each request, which takes about a microsecond per module, and repeats their effects. A module with `await` outside of functions, and packages, are shared by all requests. With `qjs`, and without the directive, all requests of a worker share the variables. `njs.engine` is `njs` or `QuickJS`.',
    differs: 'The default in nginx is `njs`.',
    differsSlightly: true,
    example: 'js_engine njs;',
  },
  js_context_reuse: {
    contexts: LEVELS,
    takes: integer(),
    default: '128',
    noEffect: 'All requests of a worker use the same instances of modules, or, with `js_engine njs`, none does.',
    doc: 'In nginx, the number of contexts of the engine QuickJS that are reused.',
    example: 'js_context_reuse 64;',
  },
  js_context_reuse_max_size: {
    contexts: LEVELS,
    takes: size,
    default: '4m',
    noEffect: 'All requests of a worker use the same instances of modules, or, with `js_engine njs`, none does.',
    doc: 'In nginx, the memory up to which a context of the engine QuickJS is reused.',
    example: 'js_context_reuse_max_size 8m;',
  },
  js_set: {
    contexts: LEVELS,
    takes: computed,
    repeat: true,
    links: ({ variable: name }: ComputedVariable) => ({ name: `$${name}` }),
    doc: 'Defines a variable whose value a function returns. It is called with the object `r` when the variable is used for the first time in a request, or at each use with `nocache`. The variable can be used everywhere; the function is searched among the imports of the location in which the request is handled. An `async` function is called once, when a request enters a location whose directives mention the variable, and the request waits for it; its value is that of `r.setReturnValue()`, or the one that it returns. Where it was not called before (in a log format), the variable is empty.',
    example: 'js_set $user main.user;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_var: {
    contexts: LEVELS,
    takes: variable,
    repeat: true,
    links: ({ variable: name }: ScriptVariable) => ({ name: `$${name}` }),
    doc: 'Defines a variable that scripts can change: `r.variables.name = value`. The value is evaluated unless a script has assigned the variable. The variable is not changed by internal redirects.',
    example: 'js_var $tenant default;',
  },
  js_content: {
    contexts: LOCATIONS,
    takes: functionName,
    inherit: 'none',
    doc: 'The function responds to requests: `r.return()`, `r.sendHeader()` with `r.send()` and `r.finish()`, or `r.internalRedirect()`. It is called when the request body has been read. It may be `async`; the request also waits for subrequests, timers and `ngx.fetch()`. An exception is logged with its stack, and the response is 500.',
    example: 'js_content main.hello;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_access: {
    contexts: LOCATIONS,
    takes: functionName,
    doc: 'The function allows a request, denies it by `r.return()` with a status, or leaves the decision to other access rules (`r.decline()`, for `satisfy any`). It may be `async`. If it fails the response is 500, unless `js_timeout` has `fail=open`.',
    example: 'js_access main.authorize;',
    exampleNeeds: IMPORTS_MAIN,
  },
  js_timeout: {
    contexts: LEVELS,
    takes: timeout,
    default: 'idle=60s',
    doc: `Limits the time of a function that waits (\`async\`). \`time\` is the whole time, 0 for no limit. \`idle=time\` limits only waits for nothing that the proxy knows: no subrequest, timer of the script, \`ngx.fetch()\` or read of the body is pending, and no part of the response was sent (in njs, such a request ends at once); it is 60s unless \`time\` is given. A function that takes longer is abandoned and logged, and the request ends with 500. After a failure or an exceeded limit of a function that decides about a request (\`js_access\`), the request continues with \`fail=open\`. A function that does not wait occupies the worker, and cannot be abandoned: see \`js_slow_log\`. ${NOT_IN_NJS}`,
    example: 'js_timeout 2s fail=open;',
  },
  js_slow_log: {
    contexts: LEVELS,
    takes: milliseconds,
    default: '0',
    doc: `Functions that occupy the worker for at least this time are logged by name at the level \`warn\`: other requests of the worker wait meanwhile. 0: they are not logged. ${NOT_IN_NJS}`,
    example: 'js_slow_log 50ms;',
  },
} as const satisfies Directives;

/** Exchanges of TLS handshakes, created to compute file names of certificates. */
const handshakes = new WeakMap<HandshakeSession, Exchange>();

/** The exchange of a session: that of a handshake has the settings of the selected server, and no request. */
function exchangeOf(x: Exchange | HandshakeSession): Exchange | null {
  if (!(x instanceof HandshakeSession)) return x;
  let exchange = handshakes.get(x) ?? null;
  if (exchange === null && x.server !== null) {
    exchange = exchangeOfSession(x, x.server);
    handshakes.set(x, exchange);
  }
  return exchange;
}

/** Getter of a variable of `js_set`. */
function computing({ function: { name } }: ComputedVariable, scripts: Scripts): Getter {
  // The last scope and its function are kept: most requests are handled in the same scope.
  let scope: ScriptScope | null = null;
  let fn: ScriptFunction | string | null = null;
  return (session) => {
    const x = exchangeOf(session);
    if (x === null) return undefined;
    const current = x.location.settings.get(SCRIPT_SCOPE);
    if (current !== scope) {
      scope = current;
      fn = current?.function(name, 'js_set') ?? null;
    }
    if (fn !== null && typeof fn !== 'string') return compute(x, fn, scripts);
    logError(x, 'error', fn ?? `no "js_import" directives found for "js_set" handler "${name}" in the current scope`);
    return undefined;
  };
}

function compute(x: Exchange, fn: ScriptFunction, scripts: Scripts): string | undefined {
  const tasks = pendingOf(x)?.count ?? 0;
  const value = fn.callNow(x, requestOf(x, scripts));
  if (value === FAILED) return undefined;
  const returned = takeReturned(x);
  if (returned !== null) return fn.bytesOf(x, returned.value);
  if (!fn.abandonPromise(x, value) && (pendingOf(x)?.count ?? 0) === tasks) return fn.bytesOf(x, value);
  logError(x, 'error', `async operation inside "${fn.name}" variable handler`);
  return undefined;
}

/** Variables of a configuration that scripts compute. */
interface Variables {
  readonly computed: ComputedVariable[];
  readonly definitions: ReturnType<typeof definitionsOf>;
}

const VARIABLES = 'variables of scripts';

/** Defines the variables that a block and those in it declare; they can be used everywhere. */
function defineVariables(block: CheckedBlock, variables: Variables, compiler: Compiler): void {
  const scripts = scriptsOf(compiler);
  const own = <T>(name: string): readonly T[] => (block.own.includes(name) ? (block.values[name] as readonly T[]) : []);
  for (const data of own<ComputedVariable>('js_set')) {
    variables.computed.push(data);
    compiler.define(data.variable, computing(data, scripts), !data.volatile);
  }
  for (const { variable: name, initial } of own<ScriptVariable>('js_var')) {
    scripts.variableNames.add(name);
    const value = initial === null ? null : compiler.template(initial);
    compiler.define(name, (x) => value?.of(x) ?? '', true);
  }
  for (const inner of block.blocks) defineVariables(inner, variables, compiler);
}

function compileAwaited({ block, compiler }: Scope): Handler | null {
  const variables = compiler.shared.get<Variables>(VARIABLES);
  if (variables === undefined) return null;
  const scripts = scriptsOf(compiler);
  return awaitVariables(block, scripts.scope(block), variables.computed, variables.definitions, scripts);
}

/** A variable of two `js_set` must be computed by the same function. */
function checkVariables(block: CheckedBlock, c: CheckContext): void {
  const declared = (block.values.js_set ?? []) as readonly ComputedVariable[]; // declared so
  for (const [i, { args }] of c.statements('js_set').entries()) {
    const { variable: name, function: fn } = declared[i] ?? {};
    const first = declared.slice(0, i).find((each) => each.variable === name);
    const [word] = args;
    if (first === undefined || word === undefined || first.function.name === fn?.name) continue;
    c.report(word, 'duplicate-definition', `variable "${name}" is redeclared with different function name`);
  }
}

/** Directives that name functions, with the position of the name. */
const FUNCTIONS = { js_set: 1, js_content: 0, js_access: 0 } as const;

export default defineModule({
  name: 'js',
  doc: 'Runs functions of JavaScript and TypeScript modules for requests.',
  directives,
  variables: {
    js_time: {
      get: (x) => seconds(x.state(SCRIPT_TIMES)?.total),
      doc: 'Time that functions of scripts took for the request, in seconds with milliseconds, including their waits; empty if there were none.',
    },
    js_blocked_time: {
      get: (x) => seconds(x.state(SCRIPT_TIMES)?.blocked),
      doc: 'Time for which functions of scripts occupied the worker during the request, in seconds with milliseconds; empty if there were none.',
    },
  },
  check(block, c) {
    checkImports(block, c);
    checkFunctions(block, c, FUNCTIONS);
    checkVariables(block, c);
  },
  reads: moduleFiles,
  async http(_conf, block, compiler) {
    if (!namesScripts(block) && Object.keys(compiler.scripts).length === 0) return;
    const scripts = scriptsOf(compiler);
    for (const provide of PROVIDERS) await provide(scripts, compiler, block);
    await scripts.load(block);
    const variables = { computed: [], definitions: definitionsOf(block) };
    compiler.shared.set<Variables>(VARIABLES, variables);
    defineVariables(block, variables, compiler);
  },
  settings(conf, { block, program, compiler }) {
    const scripts = createdScripts(compiler);
    if (scripts === null) return;
    program.settings.set(SCRIPT_SCOPE, scripts.scope(block));
    const { timeout: limit, idle, failOpen } = conf.js_timeout;
    const engine = conf.js_engine === 'njs' ? 'njs' : 'QuickJS';
    program.settings.set(SCRIPT_LIMITS, { timeout: limit, idle, failOpen, engine, slow: conf.js_slow_log });
  },
  phases: {
    serverRewrite: { order: -1, compile: (_conf, at) => compileAwaited(at) },
    rewrite: { order: -1, compile: (_conf, at) => compileAwaited(at) },
    access: {
      order: 400,
      compile: (conf, { block, compiler }) => {
        if (conf.js_access === undefined) return null;
        const scripts = scriptsOf(compiler);
        const fn = scripts.function(block, conf.js_access, 'js_access');
        return decidingHandler(fn, OK, (x) => [requestOf(x, scripts)]);
      },
    },
    content: {
      order: 0,
      compile: (conf, { block, compiler }) => {
        if (conf.js_content === undefined) return null;
        const scripts = scriptsOf(compiler);
        return contentHandler(scripts.function(block, conf.js_content, 'js_content'), scripts);
      },
    },
  },
});

function seconds(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : (ms / 1000).toFixed(3);
}
