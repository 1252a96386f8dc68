/** Environment variables in a configuration: `${NAME}`, for the names that `expand_env` lists. */

import {
  type Block,
  type Item,
  isStatement,
  type Source,
  type Statement,
  type Word,
} from '../../grammar/syntax-tree.js';
import { toBytes } from '../diagnostics/byte-string.js';
import { COMMAND_LINE } from '../diagnostics/place.js';
import type { Catalogue } from './catalogue.js';
import type { CheckState } from './check-state.js';
import { DECLARATION } from './environment-argument.js';

/** Values by name, as far as they are set. */
export type EnvironmentValues = Readonly<Record<string, string | undefined>>;

const NAME = 'expand_env';

export class Environment {
  /** Bytes. */
  private readonly values = new Map<string, string>();
  /** Names that have been reported; the words that contain them have no value. */
  private readonly unusable = new Set<string>();

  constructor(
    private readonly root: Source,
    private readonly catalogue: Catalogue,
    private readonly state: CheckState,
  ) {}

  /** Reads the values of the names that the statements of the outermost level declare. */
  declare(items: readonly Item[], from: EnvironmentValues): void {
    for (const item of items) {
      if (isStatement(item) && item.name.text === NAME) for (const word of item.args) this.declareOne(word, from);
    }
  }

  private declareOne(word: Word, from: EnvironmentValues): void {
    // An invalid declaration is reported by the directive.
    const [, name, fallback] = DECLARATION.exec(word.text) ?? [];
    if (name === undefined) return;
    if (this.catalogue.hasVariable(name.toLowerCase())) {
      this.state.report(word, 'duplicate-definition', `the duplicate "${name}" variable`, {
        help: `\${${name}} is a variable of nginx; choose another name for the environment variable`,
      });
      return;
    }
    const set = from[name];
    const value = set === undefined ? fallback : toBytes(set);
    if (value === undefined || value.includes('$')) this.unusable.add(name);
    if (value === undefined) {
      this.state.report(word, 'invalid-value', `environment variable "${name}" is not set`, {
        help: `set it, or give a default: ${NAME} ${name}=value;`,
      });
    } else if (value.includes('$')) {
      // The value may be a secret, and is not shown.
      this.state.report(word, 'invalid-value', `the value of environment variable "${name}" contains "$"`, {
        help: 'it would be taken for a variable of nginx',
      });
    } else {
      this.values.set(name, value);
    }
  }

  /** The statements with `${NAME}` replaced in all words; the same ones if no names are declared. */
  expand(items: readonly Item[]): readonly Item[] {
    if (this.values.size === 0 && this.unusable.size === 0) return items;
    return items.map((item) => (isStatement(item) && item.name.text !== NAME ? this.statement(item) : item));
  }

  private statement(statement: Statement): Statement {
    const { name, args, block } = statement;
    return { ...statement, name: this.word(name), args: args.map((word) => this.word(word)), block: this.block(block) };
  }

  private block(block: Block | null): Block | null {
    return block === null ? null : { ...block, items: this.expand(block.items) };
  }

  private word(word: Word): Word {
    if (!word.text.includes('${')) return word;
    let damaged = word.damaged === true;
    const text = word.text.replace(/\$\{(\w+)\}/g, (written, name: string) => {
      if (this.unusable.has(name)) damaged = true;
      return this.values.get(name) ?? written;
    });
    return { ...word, text, ...(damaged && { damaged }) };
  }

  /** Reports declarations in included files: they would come too late for the files read before. */
  checkPlaces(statements: readonly Statement[]): void {
    for (const { name } of statements) {
      if (name.text !== NAME || name.source === this.root || name.source.name === COMMAND_LINE) continue;
      this.state.report(name, 'wrong-context', `"${NAME}" directive is not allowed here`, {
        help: 'it is allowed only in the main configuration file, not in included ones',
      });
    }
  }
}
