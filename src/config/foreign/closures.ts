/**
 * Closes the blocks that must not serve requests without a feature that tsproxy lacks (`allow_unsupported`): blocks in which
 * a directive that restricts access or changes responses is in force, and blocks that depend on a variable, zone or
 * upstream which such a feature provides.
 */
import type { BlockRecord } from '../block-checker.js';
import type { Catalogue } from '../catalogue.js';
import type { CheckState, Mention } from '../check-state.js';
import type { CheckedBlock, Closure } from '../checked-config.js';
import type { Inheritance } from '../directive.js';
import type { Dependency } from '../level.js';
import { placeOf } from '../place.js';
import type { ForeignUse } from './known-directives.js';
import { knownVariable } from './known-variables.js';

/** Reason to close a block, and the nested blocks that inherit it. */
interface Reason {
  readonly closure: Closure;
  readonly inherit: Inheritance;
  /** Whether a nested block overrides it with a directive of the same name. */
  readonly overridable: boolean;
  readonly restrictsAccess: boolean;
}

/** Reasons by directive; null: the directive is turned off. */
type Reasons = Map<string, Reason | null>;

const ANY_UPSTREAM = 'upstream *';

/**
 * Sets `closed` in all blocks concerned.
 *
 * @param records outer blocks before inner ones
 */
export function closeBlocks(records: readonly BlockRecord[], catalogue: Catalogue, state: CheckState): void {
  const missing = new MissingNames(records, catalogue, state);
  const reasons = new Map<CheckedBlock, Reasons>();
  for (const record of records) reasons.set(record.block, ownReasons(record, missing));
  for (const { block, around } of records) {
    // A condition of the server's script applies to all its requests.
    if (block.context !== 'if in server' || around === null) continue;
    for (const [name, reason] of reasons.get(block) ?? []) if (reason !== null) reasons.get(around)?.set(name, reason);
  }
  for (const { block, around } of records) {
    const own = reasons.get(block) ?? new Map();
    for (const [name, outer] of (around && reasons.get(around)) ?? []) {
      if (outer !== null && !overrides(own, name) && inherits(outer, name, block)) own.set(name, outer);
    }
    const all = [...own.values()].filter((each): each is Reason => each !== null);
    const reason = all.find(({ restrictsAccess }) => restrictsAccess) ?? all[0];
    if (reason !== undefined) block.closed = reason.closure;
  }
}

/** Whether a block has the directive itself, or turns off the one of which it is a setting: `x off` for `x_user_file`. */
function overrides(own: Reasons, name: string): boolean {
  if (own.has(name)) return true;
  for (const [other, reason] of own) if (reason === null && name.startsWith(`${other}_`)) return true;
  return false;
}

function inherits({ inherit, overridable }: Reason, name: string, block: CheckedBlock): boolean {
  if (block.context === 'upstream' || block.context === 'events' || inherit === 'none') return false;
  if (inherit === 'noname' && block.context !== 'if in location' && block.context !== 'limit_except') return false;
  return !overridable || inherit === 'append' || !block.own.includes(name);
}

function ownReasons({ foreign, dependencies, block }: BlockRecord, missing: MissingNames): Reasons {
  const reasons: Reasons = new Map();
  for (const use of foreign) {
    const { name } = use.statement;
    if (use.off) {
      // Twice in a block is an error in nginx; the value that is not off counts.
      if (!reasons.has(name.text)) reasons.set(name.text, null);
    } else if (use.effect === 'access' || use.effect === 'response') {
      const reason = {
        closure: closureOf(use),
        // The handler of a location, such as `fastcgi_pass`, is not inherited by nested locations.
        inherit: use.effect === 'response' && isHandler(use) ? ('noname' as const) : ('level' as const),
        overridable: false,
        restrictsAccess: use.effect === 'access',
      };
      reasons.set(name.text, reason);
    }
  }
  for (const dependency of dependencies) {
    const { name, spec } = dependency.declared;
    const closure = definesNames(dependency) || isHarmless(dependency) ? null : missing.reasonOf(dependency);
    if (closure === null) continue;
    const step = spec.step === true;
    const inherit = step && block.context !== 'server' ? 'noname' : (spec.inherit ?? 'level');
    // A step is not overridden by another one of its kind.
    reasons.set(step ? `${name} ` : name, { closure, inherit, overridable: !step, restrictsAccess: true });
  }
  return reasons;
}

function closureOf({ statement }: ForeignUse): Closure {
  return { feature: `"${statement.name.text}"`, at: placeOf(statement) };
}

/** Whether the directive is allowed only in locations. */
function isHandler({ owners }: ForeignUse): boolean {
  return owners.every(
    ({ contexts }) => contexts !== null && !contexts.includes('http') && !contexts.includes('server'),
  );
}

/** Logs may lack a value. */
function isHarmless({ declared: { module, spec } }: Dependency): boolean {
  return module.name === 'log' || spec.noEffect !== undefined;
}

/** Names that the directive defines: variables, and the entry that others refer to (`zone x`, `format x`). */
function definesNames({ declared, value, defines }: Dependency): boolean {
  return defines.length > 0 || declared.spec.links?.(value).name !== undefined;
}

/** Names (`$variable`, `zone x`, `upstream x`) that are missing or wrong without a feature that tsproxy lacks. */
class MissingNames {
  private readonly reasons = new Map<string, Closure>();
  private readonly defined: ReadonlySet<string>;

  constructor(
    records: readonly BlockRecord[],
    private readonly catalogue: Catalogue,
    private readonly state: CheckState,
  ) {
    this.defined = new Set(state.defines.map(({ name }) => name));
    for (const { foreign, block } of records) {
      for (const use of foreign) if (!use.off) this.addUse(use, block);
    }
    // Names are defined by means of other names, in any order.
    while (this.spread(records));
  }

  /** The feature that the directive depends on; null if it does not depend on any. */
  reasonOf({ declared, value, uses }: Dependency): Closure | null {
    for (const { name, at } of uses) {
      const reason = this.reasons.get(`$${name}`) ?? this.reasonOfVariable({ name, at });
      if (reason !== null) return reason;
    }
    for (const name of declared.spec.links?.(value).refers ?? []) {
      const reason = this.reasons.get(name) ?? (name === ANY_UPSTREAM ? this.anyUpstream() : null);
      if (reason !== null) return reason;
    }
    return null;
  }

  private addUse(use: ForeignUse, block: CheckedBlock): void {
    const { statement, effect } = use;
    if (block.context === 'upstream' && (effect === 'response' || effect === 'access')) {
      this.reasons.set(nameOfUpstream(block), closureOf(use));
    }
    if (effect !== 'variable' && effect !== 'access') return;
    const words = [
      ...statement.args,
      ...(statement.block?.items ?? []).flatMap((item) => ('name' in item ? item.name : [])),
    ];
    for (const { text } of words) {
      const [, name] = /^(?:to=)?\$(\w+)$/.exec(text) ?? [];
      if (name !== undefined && !this.catalogue.hasVariable(name.toLowerCase())) {
        this.reasons.set(`$${name.toLowerCase()}`, closureOf(use));
      }
    }
  }

  private spread(records: readonly BlockRecord[]): boolean {
    const before = this.reasons.size;
    for (const { dependencies, block } of records) {
      for (const dependency of dependencies) {
        const upstream = block.context === 'upstream';
        if (!upstream && !definesNames(dependency)) continue;
        const reason = this.reasonOf(dependency);
        if (reason === null) continue;
        const { name } = dependency.declared.spec.links?.(dependency.value) ?? {};
        const names = [...dependency.defines.map((each) => `$${each}`), ...(name === undefined ? [] : [name])];
        for (const each of upstream ? [nameOfUpstream(block)] : names) {
          if (!this.reasons.has(each)) this.reasons.set(each, reason);
        }
      }
    }
    return this.reasons.size > before;
  }

  private reasonOfVariable({ name, at }: Mention): Closure | null {
    if (this.defined.has(name) || this.catalogue.hasVariable(name)) return null;
    const owner = knownVariable(name);
    // An unknown variable is an error, unless a foreign directive may define it.
    if (owner === undefined ? !this.state.mayDefine.has(name) : owner.emptyWithout) return null;
    return { feature: `variable "${name}"`, at: placeOf(at) };
  }

  private anyUpstream(): Closure | null {
    for (const [name, reason] of this.reasons) if (name.startsWith('upstream ')) return reason;
    return null;
  }
}

function nameOfUpstream(block: CheckedBlock): string {
  return `upstream ${String(block.argument).toLowerCase()}`;
}
