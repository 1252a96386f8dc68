/** Reads a page, and has the commands in it carried out. */
import type { Chunk } from '../../exchange/client-side.js';
import { logError } from '../../exchange/error-context.js';
import { type BodyFilter, type Exchange, StateKey } from '../../exchange/exchange.js';
import type { Getter } from '../../exchange/variable.js';
import { Assembly, Include, type Page } from './assembly.js';
import { COMMANDS, type CommandRule, OUTSIDE, type Parameters, type Part } from './commands.js';
import { COMMAND, MORE, type Parameter, Parser } from './parser.js';

/** What the configuration says. */
export interface SsiRules {
  readonly silentErrors: boolean;
  readonly valueLength: number;
  readonly lookup: (name: string) => Getter | null;
}

export const SSI = new StateKey<SsiFilter | null>('ssi');

const PARAMETERS_MAX = 16;

export class SsiFilter implements BodyFilter, Page {
  /** `config timefmt`. */
  timeFormat = '%A, %d-%b-%Y %H:%M:%S %Z';
  errorMessage = '[an error occurred while processing the directive]';
  encoding: 'none' | 'url' | 'entity' = 'entity';
  complete = false;
  /** What stands here is part of the answer. */
  output = true;
  /** One branch of the condition was taken. */
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
    this.parser = new Parser(rules.valueLength, (message) => this.complain(message));
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

  /** An empty page that was included with `stub` is that stub. */
  private fillStub(): void {
    const { nested } = this.x;
    if (nested === null || !(nested.sink instanceof Include)) return;
    const { sink } = nested;
    if (sink.stub === null || sink.stubUsed || nested.bytesSent > 0 || this.assembly?.empty === false) return;
    sink.stubUsed = true;
    this.parser.feed(sink.stub);
    if (this.waitsFor === null && this.assembly !== null) this.read(this.assembly);
  }

  get waits(): boolean {
    return this.waitsFor !== null;
  }

  readOn(): boolean {
    const waited = this.waitsFor !== null;
    this.waitsFor = null;
    if (waited && this.assembly !== null) this.read(this.assembly);
    if (this.ended && this.waitsFor === null) this.complete = true;
    return waited;
  }

  /** Reads as far as there is something, or up to a command that is to be waited for. */
  private read(assembly: Assembly): void {
    const { parser } = this;
    while (this.waitsFor === null) {
      const found = parser.next();
      if (parser.before !== '') {
        if (this.output) assembly.text(parser.before);
        else if (this.block !== null) this.block.text += parser.before;
      }
      if (found === MORE) return;
      if (found !== COMMAND || !this.carryOut()) {
        if (!this.rules.silentErrors) assembly.text(this.errorMessage);
      }
    }
  }

  /** Carries out the command that the parser found; false where it is an error. */
  private carryOut(): boolean {
    const { command, parameters } = this.parser;
    const rule = COMMANDS.get(command);
    if (rule === undefined) return !this.output || this.complain(`invalid SSI command: "${command}"`);
    if (!this.output && command !== 'endblock') {
      if (this.block !== null) {
        this.block.text += written(command, parameters);
        return true;
      }
      if (rule.within === OUTSIDE) return true;
    }
    if (rule.within !== OUTSIDE && (this.part === OUTSIDE || this.part > rule.within)) {
      return this.complain(`invalid context of SSI command: "${command}"`);
    }
    const values = this.named(command, parameters, rule);
    return values !== null && rule.run(this, values);
  }

  private named(command: string, parameters: readonly Parameter[], rule: CommandRule): Parameters | null {
    if (parameters.length > PARAMETERS_MAX) {
      this.complain(`too many SSI command parameters: "${command}"`);
      return null;
    }
    const values: Record<string, string> = {};
    for (const { key, value } of parameters) {
      if (!rule.parameters.includes(key)) {
        this.complain(`invalid parameter name: "${key}" in "${command}" SSI command`);
        return null;
      }
      if (values[key] !== undefined) {
        this.complain(`duplicate "${key}" parameter in "${command}" SSI command`);
        return null;
      }
      values[key] = value;
    }
    const absent = rule.mandatory.find((key) => values[key] === undefined);
    if (absent === undefined) return values;
    this.complain(`mandatory "${absent}" parameter is absent in "${command}" SSI command`);
    return null;
  }

  /** Writes a line to the error log; false, as what is wrong is not carried out. */
  complain(message: string): false {
    logError(this.x, 'error', message);
    return false;
  }

  text(text: string): void {
    this.assembly?.text(text);
  }

  /** Has a subrequest answer in this place. */
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

/** The text of a command in a block: it is carried out where the block is used. */
function written(command: string, parameters: readonly Parameter[]): string {
  return `<!--#${command}${parameters.map(({ key, value }) => ` ${key}="${value}"`).join('')} -->`;
}
