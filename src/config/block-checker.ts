/** Checks blocks: which directives they contain, how often and with what arguments, and what nested blocks inherit. */
import { hasSyntaxError, type Item, type Statement } from '../../grammar/syntax-tree.js';
import type { Directories } from './arguments.js';
import { Arguments, placeOf } from './arguments.js';
import type { Catalogue, Declared } from './catalogue.js';
import type { CheckState } from './check-state.js';
import type { CheckedBlock, CheckedStep } from './checked-config.js';
import type { Context } from './directive.js';
import { failureOf } from './failure.js';
import { reportForeign } from './foreign/findings.js';
import { type ForeignUse, foreignUse } from './foreign/known-directives.js';
import { type Includes, includeMistake } from './include.js';
import { reportInvisible } from './invisible-characters.js';
import { type Dependency, Level, NOTHING, type Values } from './level.js';
import {
  reportMissingOpening,
  reportMissingSemicolon,
  splitAtMissingSemicolon,
  warnOfMissingSemicolon,
} from './missing-semicolon.js';
import { missingPackage } from './optional-package.js';
import type { Place } from './place.js';
import { headOf, parseStatement } from './statement.js';
import { recordVariables, reportUnknown } from './unknown-directive.js';

/** A checked block with its statements and surroundings in the syntax tree. */
export interface BlockRecord {
  readonly block: CheckedBlock;
  readonly opener: Statement | null;
  readonly around: CheckedBlock | null;
  readonly statements: ReadonlyMap<string, readonly Statement[]>;
  /** The modules that have directives in it. */
  readonly modules: ReadonlySet<string>;
  readonly foreign: readonly ForeignUse[];
  readonly dependencies: readonly Dependency[];
}

/**
 * Replaces the statements of a block, with those of included files, before they are checked. `opener`: the statement that
 * opens the block; null for the outermost level. Statements and words of the result keep the spans of the text.
 */
export type RewriteBlock = (
  statements: readonly Statement[],
  context: Context,
  opener: Statement | null,
) => readonly Statement[];

/** A block to be checked. */
interface Body {
  readonly opener: Statement | null;
  readonly directive: string;
  readonly argument: unknown;
  readonly context: Context;
  readonly statements: readonly Statement[];
  readonly inherited: Values;
  readonly depth: number;
}

/**
 * Maximum nesting of blocks. nginx has no limit; this one prevents the compiler and structuredClone from overflowing
 * the stack.
 */
const MAX_DEPTH = 500;

const CONTEXTS_WITH_PLACES: ReadonlySet<Context> = new Set(['main', 'events', 'http', 'upstream', 'match']);

/** Number of statements per step. */
const STATEMENTS_PER_STEP = 8;

/** Maximum number of consecutive missing semicolons: each takes a stack level and a copy of the remaining words. */
const MAX_SPLITS = 100;

export class BlockChecker {
  /** Every block, outer blocks before inner ones. */
  readonly records: BlockRecord[] = [];
  private checkedStatements = 0;
  private readonly expand = (items: readonly Item[]): Statement[] => this.includes.expand(items);

  constructor(
    private readonly catalogue: Catalogue,
    private readonly includes: Includes,
    private readonly directories: Directories,
    private readonly state: CheckState,
    private readonly rewrite: RewriteBlock | null = null,
  ) {}

  /** Checks the outermost block; yields after a few statements. */
  *main(statements: readonly Statement[], at: Place): Generator<void, CheckedBlock> {
    const body: Body = {
      opener: null,
      directive: '',
      argument: null,
      context: 'main',
      statements: this.rewrite?.(statements, 'main', null) ?? statements,
      inherited: NOTHING,
      depth: 0,
    };
    return yield* this.body(body, null, null, at);
  }

  private *body(
    body: Body,
    outer: Level | null,
    around: CheckedBlock | null,
    at: Place,
  ): Generator<void, CheckedBlock> {
    const level = new Level(body.context, body.inherited, body.opener, outer);
    for (const statement of body.statements) {
      this.statement(level, statement);
      if (++this.checkedStatements % STATEMENTS_PER_STEP === 0) yield;
    }
    const blocks: CheckedBlock[] = [];
    const steps: CheckedStep[] = [];
    const block: CheckedBlock = {
      directive: body.directive,
      context: body.context,
      argument: body.argument,
      values: level.values(),
      own: [...level.written.keys()],
      steps,
      blocks,
      at,
      ...(CONTEXTS_WITH_PLACES.has(body.context) && { places: placesOf(level.written) }),
    };
    const { written, modules, foreign, dependencies } = level;
    this.records.push({ block, opener: body.opener, around, statements: written, modules, foreign, dependencies });
    for (const { statement, declared, value, step } of level.inOrder) {
      const inner = yield* this.inner(level, statement, declared, value, block, body.depth);
      if (step) {
        steps.push({ directive: declared.name, value, block: inner, at: placeOf(statement) });
      } else if (inner !== null) {
        blocks.push(inner);
      }
    }
    return block;
  }

  /** Checks the block opened by a statement, if the directive's body consists of directives. */
  private *inner(
    level: Level,
    statement: Statement,
    { name, spec }: Declared,
    argument: unknown,
    around: CheckedBlock,
    depth: number,
  ): Generator<void, CheckedBlock | null> {
    if (spec.body === undefined || !('context' in spec.body) || statement.block === null) {
      return null;
    }
    if (depth >= MAX_DEPTH) {
      this.state.report(headOf(statement), 'too-deep', `blocks nest more than ${MAX_DEPTH} deep`);
      return null;
    }
    const { context: into } = spec.body;
    const context = typeof into === 'function' ? into(level.context) : into;
    const statements = yield* this.includes.expandInSteps(statement.block.items);
    const body: Body = {
      opener: statement,
      directive: name,
      argument,
      context,
      statements: this.rewrite?.(statements, context, statement) ?? statements,
      inherited: level.inheritance(context),
      depth: depth + 1,
    };
    return yield* this.body(body, level, around, placeOf(statement));
  }

  /** @param splits how many missing `;` were inserted to reach it */
  private statement(level: Level, statement: Statement, splits = 0): void {
    const name = statement.name.text;
    if (name === 'include') {
      reportInclude(statement, this.state);
      return;
    }
    const { state } = this;
    const declared = this.catalogue.find(name, level.context);
    if (declared === undefined) {
      this.disallowedStatement(level, statement, splits);
      return;
    }
    const before = state.mark();
    const argumentsOf = new Arguments(statement, level.context, this.directories, state, declared.spec.takes.syntax);
    const value = parseStatement(statement, declared, argumentsOf, this.expand);
    if (state.hasErrorsSince(before) && splits < MAX_SPLITS) {
      const split = splitAtMissingSemicolon(statement, level.context, this.catalogue);
      if (split !== null) {
        const message = state.findings[before.findings]?.message ?? '';
        state.rollBack(before);
        if (declared.spec.body !== undefined && statement.block === null) {
          reportMissingOpening(split, message, state);
        } else {
          reportMissingSemicolon(split, message, state);
          this.statement(level, { ...split.before, unterminated: true });
        }
        this.absorbedStatement(level, split.after, splits + 1);
        return;
      }
    }
    if (state.hasMistakesSince(before) || hasSyntaxError(statement)) state.failures.push(failureOf(statement));
    if (value === null && statement.block !== null) recordVariables(statement, state);
    const mayBeTwo = value !== null && statement.block === null;
    const doubtful = mayBeTwo ? splitAtMissingSemicolon(statement, level.context, this.catalogue) : null;
    if (doubtful !== null) {
      warnOfMissingSemicolon(doubtful, state);
      state.failures.push(failureOf(statement));
    }
    if (value !== null && state.allowsUnsupported) {
      const [uses, defines] = [state.uses.slice(before.uses), state.defines.slice(before.defines)];
      level.dependencies.push({ statement, declared, ...value, uses, defines: defines.map((each) => each.name) });
    }
    if (value !== null) reportMissingPackage(statement, declared, state);
    this.enter(level, statement, declared, value);
  }

  /** Handles a statement that another one had absorbed: if it is an `include`, it has not been read yet. */
  private absorbedStatement(level: Level, statement: Statement, splits: number): void {
    for (const each of this.expand([statement])) this.statement(level, each, splits);
  }

  /** Handles a statement that is not allowed in this block. */
  private disallowedStatement(level: Level, statement: Statement, splits: number): void {
    // Its name is not the intended one, which the parser has already reported.
    if (statement.name.damaged) {
      this.state.failures.push(failureOf(statement, true));
      return;
    }
    const visible = splits < MAX_SPLITS ? reportInvisible(statement, this.state) : undefined;
    if (visible !== undefined) {
      this.state.failures.push(failureOf(statement, true));
      if (visible !== null) this.absorbedStatement(level, visible, splits + 1);
      return;
    }
    const { text } = statement.name;
    const foreign = foreignUse(statement, level.context);
    const split = splits < MAX_SPLITS ? splitAtMissingSemicolon(statement, level.context, this.catalogue) : null;
    if (split !== null && foreign === null && (!this.isDirective(text) || /\W$/.test(text))) {
      // Not a directive at all, such as a comment after slashes: that is the mistake, not the `;`.
      this.statement(level, split.before);
      this.absorbedStatement(level, split.after, splits + 1);
      return;
    }
    if (split !== null) {
      reportMissingSemicolon(split, `";" is missing before "${split.after.name.text}"`, this.state);
      this.statement(level, split.before);
      this.absorbedStatement(level, split.after, splits + 1);
      return;
    }
    if (foreign !== null) {
      reportForeign(foreign, this.catalogue, this.state);
      level.foreign.push(foreign);
      return;
    }
    const meant = reportUnknown(statement, level, this.catalogue, this.state);
    const failure = failureOf(statement, true);
    // A misspelt directive is reported even if its `;` is missing as well.
    this.state.failures.push({ ...failure, doubtful: failure.doubtful && (meant === undefined || /\W$/.test(text)) });
    if (meant === undefined) return;
    if (this.catalogue.all(text).length === 0 && this.enterAsMeant(level, statement, meant)) return;
    // The block of a misspelt or misplaced directive is checked nevertheless.
    if (statement.block !== null) {
      level.inOrder.push({ statement, declared: meant, value: undefined, step: false });
    }
  }

  /** Whether a word is the name of a directive, or similar to one. */
  private isDirective(name: string): boolean {
    const { catalogue } = this;
    return catalogue.all(name).length > 0 || catalogue.suggestions.nearest(name, catalogue.names()).length > 0;
  }

  /**
   * Enters a misspelt directive as the intended one, so that references to it are not reported; false if it does not
   * fit.
   */
  private enterAsMeant(level: Level, statement: Statement, meant: Declared): boolean {
    const { name, spec } = meant;
    if (this.catalogue.find(name, level.context) !== meant) return false;
    if (level.written.has(name) && spec.repeat !== true && spec.step !== true) return false;
    const { state } = this;
    const corrected: Statement = { ...statement, name: { ...statement.name, text: name } };
    const before = state.mark();
    const argumentsOf = new Arguments(corrected, level.context, this.directories, state, spec.takes.syntax);
    const value = parseStatement(corrected, meant, argumentsOf, this.expand);
    if (value === null || state.hasErrorsSince(before)) {
      state.rollBack(before);
      return false;
    }
    this.enter(level, corrected, meant, value);
    return true;
  }

  /** Enters a statement into its block. */
  private enter(
    level: Level,
    statement: Statement,
    declared: Declared,
    parsed: { readonly value: unknown } | null,
  ): void {
    const { name, spec } = declared;
    const first = level.write(statement, declared);
    const step = spec.step === true;
    if (first !== undefined && spec.repeat !== true && spec.again === undefined && !step) {
      this.state.report(statement.name, 'duplicate-directive', `"${name}" directive is duplicate`, {
        help: 'it can be given only once in a block',
        related: [{ at: headOf(first), message: 'first given here' }],
      });
    }
    if (step || (spec.body !== undefined && 'context' in spec.body)) {
      level.inOrder.push({ statement, declared, value: parsed?.value, step });
    } else if (parsed !== null) {
      level.set(declared, parsed.value);
    }
  }
}

function placesOf(written: ReadonlyMap<string, readonly Statement[]>): Readonly<Record<string, readonly Place[]>> {
  return Object.fromEntries([...written].map(([name, statements]) => [name, statements.map(placeOf)]));
}

/** Reports an `include` that could not be expanded: it has the wrong number of words, or a block. */
function reportInclude(statement: Statement, state: CheckState): void {
  const code = statement.block === null ? 'argument-count' : 'unwanted-block';
  state.report(headOf(statement), code, includeMistake(statement), {
    help: 'it takes one file name or pattern: include sites/*.conf;',
  });
}

/** Reports a directive whose feature needs packages that are not installed. */
function reportMissingPackage(statement: Statement, { name, spec }: Declared, state: CheckState): void {
  if (spec.packages === undefined || statement.args[0]?.text === 'off') return;
  const missing = missingPackage(`"${name}"`, spec.packages);
  if (missing === null) return;
  const help = `install beside tsproxy what the directive needs: ${missing.install}`;
  state.report(headOf(statement), 'missing-package', missing.summary, { help });
}

export { placeOf };
