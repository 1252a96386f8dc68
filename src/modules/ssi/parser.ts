/** Finds the commands of server side includes in a text that comes in pieces, wherever it is cut. */

/** What `next` found: nothing more in what was fed so far, a command, or something that only began like one. */
export const MORE = 0;
export const COMMAND = 1;
export const BROKEN = 2;
export type Found = typeof MORE | typeof COMMAND | typeof BROKEN;

export interface Parameter {
  key: string;
  /** As written: backslashes are still there. */
  value: string;
}

const OPENING = '<!--#';
const NAME_MAX = 32;

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
  /** What stood before that which `next` found. */
  before = '';
  /** The command that was found. */
  command = '';
  parameters: Parameter[] = [];
  private state = TEXT;
  private input = '';
  private at = 0;
  private quote = '"';
  private parameter: Parameter = { key: '', value: '' };

  constructor(
    /** Bytes that a value may have. */
    private readonly valueLength: number,
    /** Takes the reason why something is broken. */
    private readonly complain: (message: string) => void,
  ) {}

  /** Adds a piece behind what was fed and not looked at yet. */
  feed(piece: string): void {
    const left = this.input.length - this.at;
    this.input = left === 0 ? piece : this.input.slice(this.at) + piece;
    this.at = 0;
  }

  /** Looks for the next command. */
  next(): Found {
    this.before = '';
    if (this.state === TEXT && !this.opening()) return MORE;
    return this.inCommand();
  }

  /** Moves the text up to the next command into `before`; false where there is none yet. */
  private opening(): boolean {
    const { input } = this;
    const from = this.at;
    let found = input.indexOf(OPENING, from);
    const complete = found >= 0;
    // The end may be the beginning of a command: it stays until more has come.
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

  private inCommand(): Found {
    const { input } = this;
    while (this.at < input.length) {
      const char = input.charAt(this.at++);
      this.state = this.step(char, char === ' ' || char === '\t' || char === '\r' || char === '\n');
      if (this.state !== TEXT) continue;
      // Only `-->` leads back to the text.
      return this.failed ? BROKEN : COMMAND;
    }
    return MORE;
  }

  private failed = false;

  /** The state after one more character. */
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
        if (this.command.length === NAME_MAX)
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
    if (parameter.key.length === NAME_MAX) {
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

  /** A dash may already be the end of what is broken. */
  private unexpected(char: string, where: string): number {
    this.fail(`unexpected "${char}" symbol ${where} in "${this.command}" SSI command`);
    return char === '-' ? FAILED_DASH : FAILED;
  }

  private misplaced(char: string): number {
    return this.fail(`unexpected "${char}" symbol in "${this.command}" SSI command`);
  }

  private fail(message: string): number {
    this.failed = true;
    this.complain(message);
    return FAILED;
  }
}
