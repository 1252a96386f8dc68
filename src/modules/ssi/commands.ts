/** Commands of server-side includes. */
import { outgrown } from '../../exchange/growth.js';
import { escapeHtml } from '../../http/html-escape.js';
import { parseUnsafeUri } from '../../http/unsafe-uri.js';
import { escapeInHtml } from '../../http/uri-escape.js';
import type { Exchange } from '../../program/exchange.js';
import type { Getter } from '../../program/variable-spec.js';
import { evaluateCondition } from './condition.js';
import { documentOf, interpolate, variableValue } from './document.js';

/** Executes a command; false if it fails. */
type Command = (page: CommandPage, parameters: Parameters) => boolean;
export type Parameters = Readonly<Record<string, string | undefined>>;

export interface CommandRule {
  readonly run: Command;
  readonly parameters: readonly string[];
  readonly mandatory: readonly string[];
  /** Part of a condition up to which the command is valid: `else` must be the last one before `endif`. */
  readonly within: Part;
}

/** The page that a command is part of: its settings and output. */
export interface CommandPage {
  readonly x: Exchange;
  readonly rules: { readonly lookup: (name: string) => Getter | null };
  /** Set by `config timefmt`. */
  timeFormat: string;
  /** Set by `config errmsg`. */
  errorMessage: string;
  encoding: 'none' | 'url' | 'entity';
  /** Whether the current text is part of the response. */
  output: boolean;
  /** Whether a branch of the current condition has been taken. */
  chosen: boolean;
  part: Part;
  /** The `block` being defined. */
  block: { text: string } | null;
  text(text: string): void;
  /** Logs an error of a command; returns false. */
  fail(message: string): false;
  /** Starts an inclusion; false if it fails. */
  include(
    path: string,
    args: string,
    stub: string | null,
    waits: boolean,
    assign: ((value: string) => void) | null,
  ): boolean;
}

/** Position relative to a condition. */
export const OUTSIDE = 0;
const IN_IF = 1;
const IN_ELSE = 2;
export type Part = typeof OUTSIDE | typeof IN_IF | typeof IN_ELSE;

const include: Command = (page, { virtual, file, wait, set, stub }) => {
  const { x, rules } = page;
  if (virtual !== undefined && file !== undefined) {
    return page.fail(`inclusion may be either virtual="${virtual}" or file="${file}"`);
  }
  const target = virtual ?? file;
  if (target === undefined) return page.fail('no parameter in "include" SSI command');
  if (set !== undefined && stub !== undefined) {
    return page.fail('"set" and "stub" cannot be used together in "include" SSI command');
  }
  if (wait !== undefined) {
    if (virtual === undefined) return page.fail(`"wait" cannot be used with file="${target}"`);
    if (!/^(?:yes|no)$/i.test(wait)) return page.fail(`invalid value "${wait}" in the "wait" parameter`);
  }
  let uri = interpolate(x, target, rules.lookup);
  if (uri === null) return false;
  if (uri !== '' && !uri.startsWith('/')) uri = x.uri.slice(0, x.uri.lastIndexOf('/') + 1) + uri;
  const parsed = parseUnsafeUri(uri);
  if (parsed === null) return page.fail(`unsafe URI "${uri}" was detected`);
  const block = stub === undefined ? null : documentOf(x).blocks.find(({ name }) => name === stub);
  if (block === undefined) return page.fail(`"stub"="${stub}" for "include" not found`);
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
  else if (encoding !== undefined) page.fail(`unknown encoding "${encoding}" in the "echo" command`);
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
  const filled = interpolate(page.x, value, page.rules.lookup);
  if (filled === null) return false;
  if (outgrown(page.x, filled.length)) return page.fail(`too long value of the variable "${name}"`);
  documentOf(page.x).variables.set(name.toLowerCase(), filled);
  return true;
};

/** `if` and `elif`: outputs the first branch whose expression is true. */
const branch: Command = (page, { expr = '' }) => {
  if (page.chosen) {
    page.output = false;
    return true;
  }
  const matched = evaluateCondition(page.x, expr, page.rules.lookup);
  if (matched === null) return false;
  page.output = matched;
  page.chosen = matched;
  page.part = IN_IF;
  return true;
};

export const COMMANDS: ReadonlyMap<string, CommandRule> = new Map<string, CommandRule>([
  ['include', { run: include, parameters: ['virtual', 'file', 'wait', 'set', 'stub'], mandatory: [], within: OUTSIDE }],
  ['echo', { run: echo, parameters: ['var', 'default', 'encoding'], mandatory: ['var'], within: OUTSIDE }],
  ['config', { run: config, parameters: ['errmsg', 'timefmt'], mandatory: [], within: OUTSIDE }],
  ['set', { run: set, parameters: ['var', 'value'], mandatory: ['var', 'value'], within: OUTSIDE }],
  [
    'if',
    {
      run: (page, parameters) =>
        page.part === OUTSIDE ? branch(page, parameters) : page.fail('the "if" command inside the "if" command'),
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
