/** Carries out the commands in a page. */
import type { Chunk } from '../../exchange/client-side.js';
import { logError } from '../../exchange/error-context.js';
import { type BodyFilter, type Exchange, StateKey } from '../../exchange/exchange.js';
import type { Getter } from '../../exchange/variable.js';
import { escapeHtml } from '../../http/html-escape.js';
import { parseUnsafeUri } from '../../http/unsafe-uri.js';
import { escapeInHtml } from '../../http/uri-escape.js';
import { Assembly, Include, type Page } from './assembly.js';
import { holds } from './condition.js';
import { documentOf, fillIn, variableValue } from './document.js';
import { COMMAND, MORE, type Parameter, Parser } from './parser.js';

/** What the configuration says. */
export interface SsiRules {
  readonly silentErrors: boolean;
  readonly valueLength: number;
  readonly lookup: (name: string) => Getter | null;
}

export const SSI = new StateKey<SsiFilter | null>('ssi');

/** As it is written in a page; true where the command was carried out, false where it is an error. */
type Command = (page: SsiFilter, parameters: Parameters) => boolean;
type Parameters = Readonly<Record<string, string | undefined>>;

interface CommandRule {
  readonly run: Command;
  readonly parameters: readonly string[];
  readonly mandatory: readonly string[];
  /** It belongs to a condition, up to which of its parts: an `else` is the last one before `endif`. */
  readonly within: Part;
}

/** Where in a condition the page is. */
const OUTSIDE = 0;
const IN_IF = 1;
const IN_ELSE = 2;
type Part = typeof OUTSIDE | typeof IN_IF | typeof IN_ELSE;

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

const include: Command = (page, { virtual, file, wait, set, stub }) => {
  const { x, rules } = page;
  if (virtual !== undefined && file !== undefined) {
    return page.complain(`inclusion may be either virtual="${virtual}" or file="${file}"`);
  }
  const target = virtual ?? file;
  if (target === undefined) return page.complain('no parameter in "include" SSI command');
  if (set !== undefined && stub !== undefined) {
    return page.complain('"set" and "stub" cannot be used together in "include" SSI command');
  }
  if (wait !== undefined) {
    if (virtual === undefined) return page.complain(`"wait" cannot be used with file="${target}"`);
    if (!/^(?:yes|no)$/i.test(wait)) return page.complain(`invalid value "${wait}" in the "wait" parameter`);
  }
  let uri = fillIn(x, target, rules.lookup);
  if (uri === null) return false;
  if (uri !== '' && !uri.startsWith('/')) uri = x.uri.slice(0, x.uri.lastIndexOf('/') + 1) + uri;
  const parsed = parseUnsafeUri(uri);
  if (parsed === null) return page.complain(`unsafe URI "${uri}" was detected`);
  const block = stub === undefined ? null : documentOf(x).blocks.find(({ name }) => name === stub);
  if (block === undefined) return page.complain(`"stub"="${stub}" for "include" not found`);
  const { variables } = documentOf(x);
  const name = set?.toLowerCase();
  if (name !== undefined && !variables.has(name)) variables.set(name, '');
  const waits = file !== undefined || name !== undefined || wait?.toLowerCase() === 'yes';
  const assign = name === undefined ? null : (value: string) => void variables.set(name, value);
  return page.include(parsed.path, parsed.args, block?.text ?? null, waits, assign);
};

const echo: Command = (page, { var: name = '', default: otherwise, encoding }) => {
  const value = variableValue(page.x, name, page.rules.lookup) ?? otherwise ?? '(none)';
  if (value === '') return true;
  if (encoding === 'none' || encoding === 'url' || encoding === 'entity') page.encoding = encoding;
  else if (encoding !== undefined) page.complain(`unknown encoding "${encoding}" in the "echo" command`);
  if (page.encoding === 'url') page.text(escapeInHtml(value));
  else page.text(page.encoding === 'entity' ? escapeHtml(value) : value);
  return true;
};

const config: Command = (page, { errmsg, timefmt }) => {
  if (timefmt !== undefined) page.timeFormat = timefmt;
  if (errmsg !== undefined) page.errorMessage = errmsg;
  return true;
};

const set: Command = (page, { var: name = '', value = '' }) => {
  const filled = fillIn(page.x, value, page.rules.lookup);
  if (filled === null) return false;
  documentOf(page.x).variables.set(name.toLowerCase(), filled);
  return true;
};

/** `if` and `elif`: the first branch whose expression holds is put out. */
const branch: Command = (page, { expr = '' }) => {
  if (page.chosen) {
    page.output = false;
    return true;
  }
  const held = holds(page.x, expr, page.rules.lookup);
  if (held === null) return false;
  page.output = held;
  page.chosen = held;
  page.part = IN_IF;
  return true;
};

const COMMANDS: ReadonlyMap<string, CommandRule> = new Map<string, CommandRule>([
  ['include', { run: include, parameters: ['virtual', 'file', 'wait', 'set', 'stub'], mandatory: [], within: OUTSIDE }],
  ['echo', { run: echo, parameters: ['var', 'default', 'encoding'], mandatory: ['var'], within: OUTSIDE }],
  ['config', { run: config, parameters: ['errmsg', 'timefmt'], mandatory: [], within: OUTSIDE }],
  ['set', { run: set, parameters: ['var', 'value'], mandatory: ['var', 'value'], within: OUTSIDE }],
  [
    'if',
    {
      run: (page, parameters) =>
        page.part === OUTSIDE ? branch(page, parameters) : page.complain('the "if" command inside the "if" command'),
      parameters: ['expr'],
      mandatory: ['expr'],
      within: OUTSIDE,
    },
  ],
  ['elif', { run: branch, parameters: ['expr'], mandatory: ['expr'], within: IN_IF }],
  [
    'else',
    {
      run(page) {
        page.output = !page.chosen;
        page.part = IN_ELSE;
        return true;
      },
      parameters: [],
      mandatory: [],
      within: IN_IF,
    },
  ],
  [
    'endif',
    {
      run(page) {
        page.output = true;
        page.chosen = false;
        page.part = OUTSIDE;
        return true;
      },
      parameters: [],
      mandatory: [],
      within: IN_ELSE,
    },
  ],
  [
    'block',
    {
      run(page, { name = '' }) {
        const block = { name, text: '' };
        documentOf(page.x).blocks.push(block);
        page.block = block;
        page.output = false;
        return true;
      },
      parameters: ['name'],
      mandatory: ['name'],
      within: OUTSIDE,
    },
  ],
  [
    'endblock',
    {
      run(page) {
        page.block = null;
        page.output = true;
        return true;
      },
      parameters: [],
      mandatory: [],
      within: OUTSIDE,
    },
  ],
]);
