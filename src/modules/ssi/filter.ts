/** Body filter that parses a page and executes its SSI commands. */
import type { BodyFilter, Chunk } from '../../program/body.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { StateKey } from '../../program/state-key.js';
import type { Getter } from '../../program/variable-spec.js';
import { Assembly, Include, type Page } from './assembly.js';
import { COMMANDS, type CommandPage, type CommandRule, OUTSIDE, type Parameters, type Part } from './commands.js';
import { COMMAND, MORE, type Parameter, Parser } from './parser.js';

/** Settings of a location. */
export interface SsiRules {
  readonly silentErrors: boolean;
  readonly valueLength: number;
  readonly lookup: (name: string) => Getter | null;
}

export const SSI = new StateKey<SsiFilter | null>('ssi');

const MAX_PARAMETERS = 16;

export class SsiFilter implements BodyFilter, CommandPage, Page {
  /** Set by `config timefmt`. */
  timeFormat = '%A, %d-%b-%Y %H:%M:%S %Z';
  errorMessage = '[an error occurred while processing the directive]';
  encoding: 'none' | 'url' | 'entity' = 'entity';
  complete = false;
  /** Whether the current text is part of the response. */
  output = true;
  /** Whether a branch of the current condition has been taken. */
  chosen = false;
  part: Part = OUTSIDE;
  block: { text: string } | null = null;
  private readonly parser: Parser;
  private assembly: Assembly | null = null;
  private waitsFor: Include | null = null;
  private ended = false;

  constructor(
    readonly x: Exchange,
    readonly rules: SsiRules,
  ) {
    this.parser = new Parser(rules.valueLength, (message) => this.fail(message));
  }

  push(chunk: Chunk | null, next: (chunk: Chunk | null) => boolean): boolean {
    const assembly = (this.assembly ??= new Assembly(this.x, this, next));
    if (chunk === null) {
      this.ended = true;
      this.fillStub();
      assembly.advance();
      return true;
    }
    this.parser.feed(typeof chunk === 'string' ? chunk : chunk.latin1Slice());
    if (this.waitsFor === null) this.read(assembly);
    return assembly.open;
  }

  /** Replaces an empty page that was included with `stub` by the stub. */
  private fillStub(): void {
    const { nested } = this.x;
    if (nested === null || !(nested.sink instanceof Include)) return;
    const { sink } = nested;
    if (sink.stub === null || sink.stubUsed || nested.bytesSent > 0 || this.assembly?.empty === false) return;
    sink.stubUsed = true;
    this.parser.feed(sink.stub);
    if (this.waitsFor === null && this.assembly !== null) this.read(this.assembly);
  }

  get paused(): boolean {
    return this.waitsFor !== null;
  }

  continueParsing(): boolean {
    const waited = this.waitsFor !== null;
    this.waitsFor = null;
    if (waited && this.assembly !== null) this.read(this.assembly);
    if (this.ended && this.waitsFor === null) this.complete = true;
    return waited;
  }

  /** Parses until the input is exhausted or a command must be waited for. */
  private read(assembly: Assembly): void {
    const { parser } = this;
    while (this.waitsFor === null) {
      const found = parser.next();
      if (parser.before !== '') {
        if (this.output) assembly.text(parser.before);
        else if (this.block !== null) this.block.text += parser.before;
      }
      if (found === MORE) return;
      if (found !== COMMAND || !this.runCommand()) {
        if (!this.rules.silentErrors) assembly.text(this.errorMessage);
      }
    }
  }

  /** Executes the command that the parser found; false if it fails. */
  private runCommand(): boolean {
    const { command, parameters } = this.parser;
    const rule = COMMANDS.get(command);
    if (rule === undefined) return !this.output || this.fail(`invalid SSI command: "${command}"`);
    if (!this.output && command !== 'endblock') {
      if (this.block !== null) {
        this.block.text += commandText(command, parameters);
        return true;
      }
      if (rule.within === OUTSIDE) return true;
    }
    if (rule.within !== OUTSIDE && (this.part === OUTSIDE || this.part > rule.within)) {
      return this.fail(`invalid context of SSI command: "${command}"`);
    }
    const values = this.namedParameters(command, parameters, rule);
    return values !== null && rule.run(this, values);
  }

  private namedParameters(command: string, parameters: readonly Parameter[], rule: CommandRule): Parameters | null {
    if (parameters.length > MAX_PARAMETERS) {
      this.fail(`too many SSI command parameters: "${command}"`);
      return null;
    }
    const values: Record<string, string> = {};
    for (const { key, value } of parameters) {
      if (!rule.parameters.includes(key)) {
        this.fail(`invalid parameter name: "${key}" in "${command}" SSI command`);
        return null;
      }
      if (values[key] !== undefined) {
        this.fail(`duplicate "${key}" parameter in "${command}" SSI command`);
        return null;
      }
      values[key] = value;
    }
    const absent = rule.mandatory.find((key) => values[key] === undefined);
    if (absent === undefined) return values;
    this.fail(`mandatory "${absent}" parameter is absent in "${command}" SSI command`);
    return null;
  }

  /** Logs an error; returns false, the result of a failed command. */
  fail(message: string): false {
    logError(this.x, 'error', message);
    return false;
  }

  text(text: string): void {
    this.assembly?.text(text);
  }

  /** Inserts the response of a subrequest here. */
  include(
    uri: string,
    args: string,
    stub: string | null,
    wait: boolean,
    assign: ((value: string) => void) | null,
  ): boolean {
    const { assembly, x } = this;
    if (assembly === null) return false;
    const include = new Include(assembly, stub, assign);
    include.subrequest = x.subrequest(uri, args, { sink: include });
    if (include.subrequest === null) return false;
    assembly.include(include);
    if (wait) this.waitsFor = include;
    return true;
  }
}

/** Text of a command in a block; the command is executed where the block is used. */
function commandText(command: string, parameters: readonly Parameter[]): string {
  return `<!--#${command}${parameters.map(({ key, value }) => ` ${key}="${value}"`).join('')} -->`;
}
