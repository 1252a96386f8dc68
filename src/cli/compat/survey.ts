/** Classifies the directives and variables of a configuration by their support. */
import type { Source, Span, Statement } from '../../../grammar/syntax-tree.js';
import { Catalogue } from '../../config/catalogue.js';
import type { CheckResult } from '../../config/check.js';
import type { Context } from '../../config/directive.js';
import { CONSEQUENCES } from '../../config/foreign/findings.js';
import { foreignUse, titleOfModules } from '../../config/foreign/known-directives.js';
import type { Expansion } from '../../config/include.js';
import type { ModuleDeclaration } from '../../config/module-declaration.js';
import { withoutEffect } from '../../config/without-effect.js';
import type { Finding } from '../../diagnostics/finding.js';
import { WRAPPING } from '../../fragments/part.js';
import { distinctFindings } from '../distinct-findings.js';

/** Support of a directive. `missing`: only nginx has it; `refused`: supported, but not in the form written. */
export type Status = 'supported' | 'without effect' | 'different' | 'missing' | 'refused';

/** A directive with all its places; or a variable of nginx that is missing or differs. */
export interface Entry {
  /** With `$` for variables. */
  readonly name: string;
  readonly status: Status;
  /** Declaring module; for a missing directive, the module of nginx or of a third party. */
  readonly module: string;
  /**
   * The difference, the reason why there is no effect, or the consequence of a missing directive with `allow_unsupported`.
   * For a supported directive, a slight difference.
   */
  readonly remark: string | null;
  /** Each place once, in the order read. */
  readonly places: readonly Span[];
}

export interface Survey {
  /** In the order of their first occurrence. */
  readonly entries: readonly Entry[];
  /** Errors of `-t` other than missing directives and variables. */
  readonly refusals: readonly Finding[];
  /** Whether `-t` reports no error: missing features are allowed by `allow_unsupported`. */
  readonly isAccepted: boolean;
}

/** Reason why a mere setting is accepted. */
const SETTING = 'It is a setting of a directive that tsproxy does not support, and has no effect by itself.';

/** The checker's nesting limit. */
const MAX_DEPTH = 500;

/** @param modules all modules */
export function surveyOf({ expansion, findings, uses }: CheckResult, modules: readonly ModuleDeclaration[]): Survey {
  const entries = new Entries();
  const errors = findings.filter(({ code, severity }) => severity === 'error' && code !== 'nginx-only-variable');
  if (expansion !== null) new Walk(expansion, new Catalogue(modules), entries, errors).through();
  for (const { code, missing, at } of findings) {
    if (at === null || code !== 'nginx-only-variable' || missing === undefined) continue;
    entries.add(missing.name, 'missing', missing.module, null, at);
  }
  for (const { name, at } of uses) {
    const module = modules.find(({ variables }) => variables?.[name]?.differs !== undefined);
    const differs = module?.variables?.[name]?.differs;
    if (module !== undefined && differs !== undefined) entries.add(`$${name}`, 'different', module.name, differs, at);
  }
  // An error about a missing parameter of a directive has the same code; it stays among the refusals.
  const refusals = errors.filter(({ code, at }) => code !== 'nginx-only-directive' || !entries.has('missing', at));
  return { entries: entries.list(), refusals, isAccepted: !findings.some(({ severity }) => severity === 'error') };
}

/** One survey of several configurations, with each place once. */
export function joined(surveys: readonly Survey[]): Survey {
  const [only] = surveys;
  if (only !== undefined && surveys.length === 1) return only;
  const entries = new Entries();
  for (const { entries: all } of surveys) {
    for (const { name, status, module, remark, places } of all) {
      for (const at of places) entries.add(name, status, module, remark, at);
    }
  }
  return {
    entries: entries.list(),
    refusals: distinctFindings(surveys.flatMap(({ refusals }) => refusals)),
    isAccepted: surveys.every(({ isAccepted }) => isAccepted),
  };
}

class Entries {
  private readonly byKey = new Map<string, Entry & { readonly places: Span[] }>();
  private readonly seen = new Set<string>();

  add(name: string, status: Status, module: string, remark: string | null, at: Span): void {
    // A file included twice is read twice; text that encloses a part is not reported.
    if (at.source.name.endsWith(`/${WRAPPING}`)) return;
    if (this.seen.size === this.seen.add(placeKey(status, at)).size) return;
    const key = JSON.stringify([name, status, module]);
    const entry = this.byKey.get(key);
    if (entry === undefined) this.byKey.set(key, { name, status, module, remark, places: [at] });
    else entry.places.push(at);
  }

  /** Whether there is an entry with that status at the place. */
  has(status: Status, at: Span | null): boolean {
    return at !== null && this.seen.has(placeKey(status, at));
  }

  list(): Entry[] {
    return [...this.byKey.values()];
  }
}

function placeKey(status: Status, { source, start }: Span): string {
  return `${start} ${status} ${source.name}`;
}

class Walk {
  private readonly refused: ReadonlyMap<Source, readonly number[]>;

  constructor(
    private readonly expansion: Expansion,
    private readonly catalogue: Catalogue,
    private readonly entries: Entries,
    errors: readonly Finding[],
  ) {
    this.refused = startsOf(errors);
  }

  through(): void {
    this.block(this.expansion.statements, 'main', 0);
  }

  private block(statements: readonly Statement[], context: Context, depth: number): void {
    for (const statement of statements) this.statement(statement, context, depth);
  }

  private statement(statement: Statement, context: Context, depth: number): void {
    const { name, args, block } = statement;
    const declared = this.catalogue.find(name.text, context);
    if (declared === undefined) {
      const use = foreignUse(statement, context);
      // Unknown directives, and those not allowed in this context, are errors rather than a question of compatibility.
      if (use === null) return;
      const module = titleOfModules(use.owners);
      if (use.off) this.entries.add(name.text, 'without effect', module, 'It is turned off.', name);
      else if (use.effect === 'setting') this.entries.add(name.text, 'without effect', module, SETTING, name);
      else this.entries.add(name.text, 'missing', module, `With allow_unsupported, ${CONSEQUENCES[use.effect]}.`, name);
      return;
    }
    const { body, differs, differsFor = () => true, differsSlightly = false } = declared.spec;
    const into = body !== undefined && 'context' in body ? body.context : null;
    const end = into !== null && block !== null ? block.start : statement.end;
    const ineffective = withoutEffect(statement, declared.spec);
    const whole = ineffective.find(({ at }) => at === name);
    const [status, remark]: readonly [Status, string | null] = this.isRefused(statement.source, statement.start, end)
      ? ['refused', null]
      : whole !== undefined
        ? ['without effect', whole.reason]
        : differs !== undefined && differsFor(args.map(({ text }) => text))
          ? ['different', differs]
          : ['supported', differsSlightly ? (differs ?? null) : null];
    this.entries.add(name.text, status, declared.module.name, remark, name);
    for (const each of ineffective) {
      if (each !== whole) this.entries.add(each.name, 'without effect', declared.module.name, each.reason, each.at);
    }
    if (into === null || block === null || depth >= MAX_DEPTH) return;
    this.block(this.expansion.inside(block), typeof into === 'function' ? into(context) : into, depth + 1);
  }

  /** Whether there is an error of `-t` between `start` and `end`. */
  private isRefused(source: Source, start: number, end: number): boolean {
    const places = this.refused.get(source);
    if (places === undefined) return false;
    let [low, high] = [0, places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[middle] ?? 0) < start) low = middle + 1;
      else high = middle;
    }
    const next = places[low];
    return next !== undefined && next < end;
  }
}

/** Sorted start offsets of errors by file. */
function startsOf(findings: readonly Finding[]): Map<Source, number[]> {
  const starts = new Map<Source, number[]>();
  for (const { at } of findings) {
    if (at === null) continue;
    const others = starts.get(at.source);
    if (others === undefined) starts.set(at.source, [at.start]);
    else others.push(at.start);
  }
  for (const places of starts.values()) places.sort((a, b) => a - b);
  return starts;
}
