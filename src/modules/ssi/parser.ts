/** Streaming parser that finds SSI commands, which may be split across chunks. */

/** Result of `next`: all input so far is parsed, a command was found, or a malformed command was found. */
export const MORE = 0;
export const COMMAND = 1;
export const MALFORMED = 2;
export type Found = typeof MORE | typeof COMMAND | typeof MALFORMED;

export interface Parameter {
  key: string;
  /** As written, with backslashes. */
  value: string;
}

const OPENING = '<!--#';
const MAX_NAME_LENGTH = 32;

const TEXT = 0;
const BEFORE_NAME = 1;
const NAME = 2;
const BEFORE_KEY = 3;
const KEY = 4;
const BEFORE_EQUAL = 5;
const BEFORE_VALUE = 6;
const VALUE = 7;
const ESCAPED = 8;
const AFTER_VALUE = 9;
const FIRST_DASH = 10;
const SECOND_DASH = 11;
const FAILED = 12;
const FAILED_DASH = 13;
const FAILED_DASHES = 14;

export class Parser {
  /** Text before the result of the last `next`. */
  before = '';
  /** Name of the command that was found. */
  command = '';
  parameters: Parameter[] = [];
  private state = TEXT;
  private input = '';
  private at = 0;
  private quote = '"';
  private parameter: Parameter = { key: '', value: '' };

  constructor(
    /** Maximum length of a value in bytes. */
    private readonly valueLength: number,
    /** Receives the reason why a command is malformed. */
    private readonly onError: (message: string) => void,
  ) {}

  /** Appends a chunk to the input that has not been parsed yet. */
  feed(piece: string): void {
    const left = this.input.length - this.at;
    this.input = left === 0 ? piece : this.input.slice(this.at) + piece;
    this.at = 0;
  }

  /** Finds the next command. */
  next(): Found {
    this.before = '';
    if (this.state === TEXT && !this.findOpening()) return MORE;
    return this.parseCommand();
  }

  /** Moves the text up to the next command into `before`; false if none begins in the input so far. */
  private findOpening(): boolean {
    const { input } = this;
    const from = this.at;
    let found = input.indexOf(OPENING, from);
    const complete = found >= 0;
    // The end may be a prefix of the opening; it is kept until more input arrives.
    if (!complete) {
      found = input.length;
      for (let n = Math.min(OPENING.length - 1, input.length - from); n > 0; n--) {
        if (!input.endsWith(OPENING.slice(0, n))) continue;
        found -= n;
        break;
      }
    }
    this.before = input.slice(from, found);
    this.at = found;
    if (complete) {
      this.at += OPENING.length;
      this.state = BEFORE_NAME;
      this.command = '';
      this.parameters = [];
    }
    return complete;
  }

  private parseCommand(): Found {
    const { input } = this;
    while (this.at < input.length) {
      const char = input.charAt(this.at++);
      this.state = this.step(char, char === ' ' || char === '\t' || char === '\r' || char === '\n');
      if (this.state !== TEXT) continue;
      // Only `-->` returns to the text state.
      return this.failed ? MALFORMED : COMMAND;
    }
    return MORE;
  }

  private failed = false;

  /** State after one more character. */
  private step(char: string, space: boolean): number {
    switch (this.state) {
      case BEFORE_NAME:
        if (space) return BEFORE_NAME;
        this.failed = false;
        this.command = char;
        return NAME;
      case NAME:
        if (space) return BEFORE_KEY;
        if (char === '-') return FIRST_DASH;
        if (this.command.length === MAX_NAME_LENGTH)
          return this.fail(`the "${this.command}${char}..." SSI command is too long`);
        this.command += char;
        return NAME;
      case BEFORE_KEY:
        if (space) return BEFORE_KEY;
        if (char === '-') return FIRST_DASH;
        this.parameter = { key: char, value: '' };
        this.parameters.push(this.parameter);
        return KEY;
      case KEY:
        return this.inKey(char, space);
      case BEFORE_EQUAL:
        if (space) return BEFORE_EQUAL;
        return char === '=' ? BEFORE_VALUE : this.unexpected(char, `after "${this.parameter.key}" parameter`);
      case BEFORE_VALUE:
        if (space) return BEFORE_VALUE;
        if (char !== '"' && char !== "'") {
          return this.unexpected(char, `before value of "${this.parameter.key}" parameter`);
        }
        this.quote = char;
        return VALUE;
      case VALUE:
        if (char === this.quote) return AFTER_VALUE;
        return this.inValue(char, char === '\\' ? ESCAPED : VALUE);
      case ESCAPED:
        return this.inValue(char, VALUE);
      case AFTER_VALUE: {
        if (space) return BEFORE_KEY;
        if (char === '-') return FIRST_DASH;
        const { key, value } = this.parameter;
        return this.fail(
          `unexpected "${char}" symbol after "${value}" value of "${key}" parameter in "${this.command}" SSI command`,
        );
      }
      case FIRST_DASH:
        return char === '-' ? SECOND_DASH : this.misplaced(char);
      case SECOND_DASH:
        return char === '>' ? TEXT : this.misplaced(char);
      case FAILED_DASH:
        return char === '-' ? FAILED_DASHES : FAILED;
      case FAILED_DASHES:
        return char === '>' ? TEXT : FAILED;
      default:
        return char === '-' ? FAILED_DASH : FAILED;
    }
  }

  private inKey(char: string, space: boolean): number {
    const { parameter } = this;
    if (space) return BEFORE_EQUAL;
    if (char === '=') return BEFORE_VALUE;
    if (char === '-') return this.unexpected(char, `after "${parameter.key}" parameter`);
    if (parameter.key.length === MAX_NAME_LENGTH) {
      return this.fail(`too long "${parameter.key}${char}..." parameter in "${this.command}" SSI command`);
    }
    parameter.key += char;
    return KEY;
  }

  private inValue(char: string, state: number): number {
    const { parameter } = this;
    if (parameter.value.length === this.valueLength) {
      const { key, value } = parameter;
      return this.fail(`too long "${value}${char}..." value of "${key}" parameter in "${this.command}" SSI command`);
    }
    parameter.value += char;
    return state;
  }

  /** A dash may already begin the end of the malformed command. */
  private unexpected(char: string, where: string): number {
    this.fail(`unexpected "${char}" symbol ${where} in "${this.command}" SSI command`);
    return char === '-' ? FAILED_DASH : FAILED;
  }

  private misplaced(char: string): number {
    return this.fail(`unexpected "${char}" symbol in "${this.command}" SSI command`);
  }

  private fail(message: string): number {
    this.failed = true;
    this.onError(message);
    return FAILED;
  }
}
