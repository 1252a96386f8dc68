/** Records how a compiled configuration handles a request. */
import type { Declared } from '../config/catalogue.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Level } from '../config/log-level.js';
import { LEVELS } from '../config/log-level.js';
import { httpExchange } from '../exchange/exchange.js';
import type { ErrorLog } from '../logging/error-log.js';
import { namesOf } from '../modules/core/servers.js';
import type { Connect } from '../net/transport.js';
import type { Exchange } from '../program/exchange.js';
import type { Handler, HeaderFilter, Module, Phase } from '../program/module.js';
import type { Hooks, Note, Observer } from '../program/observer.js';
import type { LocationProgram, ServerProgram } from '../program/program.js';
import { DONE, NEXT, OK, type Verdict } from '../program/verdict.js';
import type { LocationEntry, LocationTree } from '../routing/location-tree.js';
import type { ServerName, ServerNames } from '../routing/server-names.js';
import type { Changed, DirectiveInForce, Step } from './explanation.js';
import { fieldLines, linesBetween } from './field-lines.js';
import { type Named, ObservedLocations, ObservedNames, type SearchLevel } from './observed-routing.js';
import { searchStep } from './search-steps.js';
import type { WrittenBlocks } from './written-blocks.js';

type PhaseName = DirectiveInForce['phases'][number];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Recorded data of one request. */
export class Recording {
  readonly steps: Step[] = [];
  /** The main request; null until the first event. */
  main: Exchange | null = null;
  /** Result of the server name lookup; undefined if there was none. */
  named: { readonly host: string; readonly found: Named | null } | undefined;
  /** Modules whose handlers are running, the innermost last. */
  readonly running: string[] = [];
  /** Levels of the current search. */
  readonly levels: SearchLevel[] = [];
  /** Lines of the upstream response head; null if there is none. */
  sample: readonly string[] | null = null;
}

export class Recorder implements Observer {
  readonly simulates = true;
  private readonly phases = new Map<CheckedBlock, Map<string, PhaseName[]>>();
  private readonly named = new Map<ServerNames<ServerProgram, Exchange>, readonly Named[]>();
  /** Upstream hosts that cannot be resolved on this machine. */
  readonly unknownHosts = new Set<string>();
  recording = new Recording();
  /** Whether recording is suspended, during a simulation. */
  muted = false;

  readonly errorLog: ErrorLog = {
    threshold: LEVELS.length - 1,
    write: (level, message) => this.log(level, message),
  };

  constructor(
    readonly written: WrittenBlocks,
    private readonly modules: readonly Module[],
    readonly connect: Connect,
  ) {}

  /** Server names of a listen address, in the order written. */
  namesOf(names: ServerNames<ServerProgram, Exchange>): readonly Named[] {
    return this.named.get(names) ?? [];
  }

  /** Phases in which the module of a directive runs in a block because of it; null if it does not run. */
  phasesOf(block: CheckedBlock, { module, spec }: Declared): readonly PhaseName[] | null {
    const declared = this.modules.find(({ name }) => name === module.name);
    // Settings are read wherever they are used, independently of the module's handlers.
    if (declared?.settings !== undefined && spec.step !== true) return [];
    // Log handlers do not run for an explanation, so the phase comes from the declaration.
    if (declared?.phases?.log !== undefined) return ['log'];
    const phases = this.phases.get(block)?.get(module.name);
    if (phases !== undefined) return phases;
    // The body of an `if` is part of the rewrite script of the enclosing location.
    const enclosing = spec.step === true ? (this.written.recordOf(block)?.around ?? null) : null;
    return enclosing === null ? null : (this.phases.get(enclosing)?.get(module.name) ?? null);
  }

  // -- while the configuration is compiled

  unknownHost(host: string): boolean {
    this.unknownHosts.add(host);
    return true;
  }

  wrap<K extends keyof Hooks>(hook: K, compiled: Hooks[K], module: string, block: CheckedBlock): Hooks[K] {
    // The type of `compiled` follows from the hook, which TypeScript does not conclude.
    const wrapped = this.wrapped(hook, compiled as Handler & HeaderFilter, module, block);
    return (wrapped ?? compiled) as Hooks[K];
  }

  private wrapped(
    hook: keyof Hooks,
    compiled: Handler & HeaderFilter,
    module: string,
    block: CheckedBlock,
  ): Handler | HeaderFilter | null {
    if (hook === 'headerFilter') {
      this.notePhase(block, module, 'header filter');
      return this.filtering(compiled, module);
    }
    if (hook === 'bodyFilter') {
      this.notePhase(block, module, 'body filter');
      return null;
    }
    this.notePhase(block, module, hook);
    return (x) => this.handle(x, compiled, hook, module);
  }

  private filtering(filter: HeaderFilter, module: string): HeaderFilter {
    return (x) => {
      const before = fieldLines(x);
      const status = filter(x);
      this.fields(x, module, before, fieldLines(x));
      return status;
    };
  }

  locations(entries: readonly LocationEntry<LocationProgram, Exchange>[]): LocationTree<LocationProgram, Exchange> {
    return new ObservedLocations(entries, this);
  }

  names(names: readonly ServerName<ServerProgram, Exchange>[]): ServerNames<ServerProgram, Exchange> {
    const named = this.namedIn(names);
    const observed = new ObservedNames(names, named, (x, host, found) => {
      this.recording.main ??= x;
      this.recording.named = { host, found };
    });
    this.named.set(observed, named);
    return observed;
  }

  watch<X extends Exchange, A extends readonly unknown[], R>(
    act: (x: X, ...rest: A) => R,
    note: (x: X, result: R, ...rest: A) => Note,
  ): (x: X, ...rest: A) => R {
    return (x, ...rest) => {
      const { uri, args } = x;
      const result = act(x, ...rest);
      this.note(x, note(x, result, ...rest), uri, args);
      return result;
    };
  }

  /** First header filter: records the changes that a module has made to the upstream response head. */
  readonly beforeFilters: HeaderFilter = (x) => {
    const { sample } = this.recording;
    if (sample !== null && x.response.upstream !== null) {
      this.fields(x, this.proxyModule(), sample, fieldLines(x));
    }
  };

  /** The module that proxied the request: that of the last handler. */
  private proxyModule(): string {
    return this.recording.steps.findLast((step) => step.kind === 'handler')?.module ?? '';
  }

  private namedIn(names: readonly ServerName<ServerProgram, Exchange>[]): Named[] {
    const counts = new Map<ServerProgram, number>();
    return names.map(({ server }) => {
      const i = counts.get(server) ?? 0;
      counts.set(server, i + 1);
      const { block } = server.base;
      const data = block === null ? undefined : namesOf(block)[i];
      const written = data === undefined ? '' : data.pattern === null ? data.name : `~${data.name}`;
      return { server, written };
    });
  }

  private notePhase(block: CheckedBlock, module: string, phase: PhaseName): void {
    let modules = this.phases.get(block);
    if (modules === undefined) this.phases.set(block, (modules = new Map()));
    modules.set(module, [...(modules.get(module) ?? []), phase]);
  }

  // -- while the request is handled

  private add<S extends Step>(x: Exchange | null, step: S): S {
    if (this.muted) return step;
    if (x?.nested === null) this.recording.main ??= x;
    const marked = x !== null && x.nested !== null ? { ...step, subrequest: true as const } : step;
    this.recording.steps.push(marked);
    return marked;
  }

  /** Records a connection to a peer, which the observer does not report. */
  peer(x: Exchange, upstream: number, address: string): void {
    this.add(x, { kind: 'peer', upstream, address });
  }

  private handle(x: Exchange, handler: Handler, phase: Phase, module: string): Verdict | Promise<Verdict> {
    const step = this.add(x, { kind: 'handler', phase, module, verdict: 'waits' } as Extract<
      Step,
      { kind: 'handler' }
    >);
    const settle = (verdict: Verdict): Verdict => {
      (step as Mutable<typeof step>).verdict = verdictName(verdict);
      return verdict;
    };
    const { running } = this.recording;
    running.push(module);
    try {
      const verdict = handler(x);
      return typeof verdict === 'number' ? settle(verdict) : verdict.then(settle);
    } finally {
      running.pop();
    }
  }

  onEnter(level: SearchLevel): void {
    const { levels } = this.recording;
    const outer = levels.at(-1);
    if (outer !== undefined) outer.inner = level;
    levels.push(level);
  }

  onLeave(x: Exchange, uri: string, found: LocationProgram | null, level: SearchLevel): void {
    const { levels } = this.recording;
    levels.pop();
    if (levels.length > 0) return;
    const { redirect } = httpExchange(x).server.locations;
    this.add(x, searchStep(uri, found, level, redirect, this.written));
  }

  redirected(x: Exchange, to: string): void {
    const { steps, running } = this.recording;
    const by = steps.at(-1)?.kind === 'status' ? 'error_page' : (running.at(-1) ?? 'upstream');
    this.add(x, { kind: 'redirect', to, by });
  }

  finalized(x: Exchange, status: number): void {
    if (status >= 100) this.add(x, { kind: 'status', status });
  }

  private note(x: Exchange, note: Note, uri: string, args: string): void {
    if (note.kind === 'file') {
      this.add(x, note);
      return;
    }
    const { step, holds, verdict, values } = note;
    this.add(x, {
      kind: 'directive',
      directive: this.written.at(step.at, step.directive),
      outcome: outcomeOf(step.directive, holds, verdict, x),
      values,
      uri: changed(uri, x.uri),
      args: changed(args, x.args),
    });
  }

  private fields(x: Exchange, module: string, before: readonly string[], after: readonly string[]): void {
    const removed = linesBetween(before, after);
    const added = linesBetween(after, before);
    if (removed.length > 0 || added.length > 0) this.add(x, { kind: 'fields', module, removed, added });
  }

  private log(level: Level, message: string): void {
    // The connection number, client and request are omitted, because they are known here.
    const text = message.replace(/^\*\d+ /, '').replace(/, client: .*$/s, '');
    this.add(null, { kind: 'log', level, message: text });
  }
}

function changed(from: string, to: string): Changed | null {
  return from === to ? null : { from, to };
}

function verdictName(verdict: Verdict): string {
  switch (verdict) {
    case NEXT:
      return 'declined';
    case OK:
      return 'ok';
    case DONE:
      return 'done';
    default:
      return String(verdict);
  }
}

/** Outcome of a step of a rewrite script. */
function outcomeOf(directive: string, holds: boolean | null, verdict: Verdict | null, x: Exchange): string {
  if (verdict === null) return String(holds);
  if (verdict >= 100) return String(verdict);
  if (verdict === DONE) return 'answers';
  if (holds === false) return 'no match';
  // A rewrite that ends the script: either a new location is searched, or the request stays in this one.
  if (verdict === NEXT) return httpExchange(x).uriChanged && directive !== 'break' ? 'last' : 'break';
  return holds === null ? directive : 'matched';
}
