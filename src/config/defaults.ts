/**
 * The values that hold where a directive is not written. They stand in the declarations as one would write them, and
 * are parsed by the directives' own types, without the grammar: workers that serve traffic do not load it.
 */
import type { Quote, Source, Statement, Word } from '../../grammar/syntax-tree.js';
import type { CheckedBlock } from './checked-config.js';
import type { ArgumentContext, ConfOf, Context, DirectiveSpec, Directives } from './directive.js';

const PARSED = new WeakMap<DirectiveSpec, { readonly value: unknown }>();

/**
 * The default of a directive: undefined where it has none, a list of one for a `repeat` directive. Throws where the
 * default does not pass the directive's own type. Relative paths stay relative.
 */
export function defaultOf(name: string, spec: DirectiveSpec): unknown {
  const known = PARSED.get(spec);
  if (known !== undefined) {
    return known.value;
  }
  const value = parseDefault(name, spec);
  PARSED.set(spec, { value });
  return value;
}

/** What a block has for each directive of a module: what is set or inherited, else the default. */
export function confOf<D extends Directives>(directives: D, block: CheckedBlock): ConfOf<D> {
  const conf: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(directives)) {
    conf[name] = Object.hasOwn(block.values, name) ? block.values[name] : defaultOf(name, spec);
  }
  // The keys are those of D, and each value is what the directive's type made.
  return conf as ConfOf<D>;
}

function parseDefault(name: string, spec: DirectiveSpec): unknown {
  if (spec.default === undefined) {
    return spec.repeat === true ? [] : undefined;
  }
  const source: Source = { name: `the default of ${name}`, text: spec.default };
  const args = wordsOf(source);
  const { min, max } = spec.takes;
  if (args.length < min || args.length > max) {
    throw new Error(`invalid number of arguments in the default of "${name}"`);
  }
  const value = spec.takes.parse(args, new DefaultContext(name, spec.contexts[0] ?? 'main', source, args));
  return spec.repeat === true ? [value] : value;
}

/** Words between spaces, or in quotes; no escapes are needed in defaults. */
function wordsOf(source: Source): Word[] {
  return [...source.text.matchAll(/"([^"]*)"|'([^']*)'|\S+/g)].map((match) => {
    const quote: Quote = match[1] !== undefined ? '"' : match[2] !== undefined ? "'" : '';
    const text = match[1] ?? match[2] ?? match[0];
    return { source, start: match.index, end: match.index + match[0].length, text, quote };
  });
}

class DefaultContext implements ArgumentContext {
  readonly statement: Statement;

  constructor(
    readonly directive: string,
    readonly context: Context,
    source: Source,
    args: readonly Word[],
  ) {
    const whole = { source, start: 0, end: source.text.length };
    this.statement = { kind: 'statement', ...whole, name: { ...whole, text: directive, quote: '' }, args, block: null };
  }

  path(relative: string): string {
    return relative;
  }
  fail(_at: unknown, _code: unknown, message: string): never {
    throw new Error(`the default of "${this.directive}" is refused: ${message}`);
  }
  report(): void {}
  attempt<T>(parse: (c: ArgumentContext) => T): { readonly value: T } {
    return { value: parse(this) };
  }
  uses(): void {}
  defines(): void {}
}
