/** `log_format`: parses and compiles formats of log lines. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { ArgumentContext } from '../../config/directive.js';
import type { TemplateData, TemplatePiece } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { escapeJson, escapeLog } from '../../logging/log-escape.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler } from '../../program/module.js';
import { accessJsonLine, JSON_FORMAT } from './json-format.js';
import type { Line } from './json-line.js';
import { variables } from './variables.js';
import { textLine, WEBSOCKET, WEBSOCKET_JSON, websocketJsonLine } from './websocket-formats.js';

type Escaping = 'default' | 'json' | 'none';

export interface Format {
  readonly name: string;
  readonly escaping: Escaping;
  readonly template: TemplateData;
}

/** Name of the predefined format. */
export const COMBINED = 'combined';

export function parseFormat(words: readonly Word[], c: ArgumentContext): Format {
  const [name, ...rest] = words as [Word, ...Word[]]; // at least two words: `min`
  let escaping: Escaping = 'default';
  const [first] = rest;
  if (first?.text.startsWith('escape=')) {
    const value = first.text.slice('escape='.length);
    if (value !== 'default' && value !== 'json' && value !== 'none') {
      return c.fail(first, 'invalid-value', `unknown log format escaping "${value}"`, {
        help: 'it must be one of: default, json, none',
      });
    }
    escaping = value;
    rest.shift();
  }
  for (const word of rest) checkNames(word, c);
  const pieces = rest.map((word) => parseTemplate(word, c)).flatMap(piecesOf);
  return { name: name.text, escaping, template: pieces };
}

/** Rejects a `$` without a name, with the message that nginx has for log formats. */
function checkNames(word: Word, c: ArgumentContext): void {
  const found = /\$(?:\{\}|(?![\w{]))/.exec(word.text);
  if (found === null) return;
  c.fail(word, 'invalid-variable', `invalid parameter "${word.text.slice(found.index)}"`, {
    help: '"$" must be followed by a name of letters, digits and "_"',
  });
}

function piecesOf(template: TemplateData): readonly TemplatePiece[] {
  return typeof template === 'string' ? [template] : template;
}

function compileFormat({ escaping, template }: Format, compiler: Compiler): Line {
  const parts: (string | ((x: Exchange) => string))[] = [];
  for (const piece of piecesOf(template)) {
    if (typeof piece === 'string') {
      if (piece !== '') parts.push(piece);
      continue;
    }
    const own = variables[piece.variable]?.get;
    const variable = compiler.variable(piece.variable);
    if (own !== undefined) parts.push((x) => own(x) ?? '');
    else if (escaping === 'json') parts.push((x) => escapeJson(variable.value(x) ?? ''));
    else if (escaping === 'none') parts.push((x) => variable.value(x) ?? '');
    else {
      parts.push((x) => {
        const value = variable.value(x);
        return value === undefined ? '-' : escapeLog(value);
      });
    }
  }
  return (x) => {
    let line = '';
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as (typeof parts)[number];
      line += typeof part === 'string' ? part : part(x);
    }
    return line;
  };
}

const COMBINED_FORMAT: Format = {
  name: COMBINED,
  escaping: 'default',
  template: [
    { variable: 'remote_addr' },
    ' - ',
    { variable: 'remote_user' },
    ' [',
    { variable: 'time_local' },
    '] "',
    { variable: 'request' },
    '" ',
    { variable: 'status' },
    ' ',
    { variable: 'body_bytes_sent' },
    ' "',
    { variable: 'http_referer' },
    '" "',
    { variable: 'http_user_agent' },
    '"',
  ],
};

/** Compiles the formats of a table; of several with the same name the first is used. */
export function compileFormats(written: readonly Format[], compiler: Compiler): void {
  for (const format of [COMBINED_FORMAT, ...written]) {
    const key = format.name.toLowerCase();
    if (!formats(compiler).has(key)) formats(compiler).set(key, compileFormat(format, compiler));
  }
}

/** Formats that a configuration may define itself. They are compiled where they are used. */
const REPLACEABLE: ReadonlyMap<string, (compiler: Compiler) => Line> = new Map([
  [JSON_FORMAT, accessJsonLine],
  [WEBSOCKET, textLine],
  [WEBSOCKET_JSON, websocketJsonLine],
]);

/** Names of the formats that need no `log_format`. */
export const PREDEFINED: readonly string[] = [COMBINED, ...REPLACEABLE.keys()];

function formats(compiler: Compiler): Map<string, Line> {
  const key = 'log formats';
  return compiler.shared.get<Map<string, Line>>(key) ?? compiler.shared.set(key, new Map());
}

/** Looks up a format. As in nginx, names are case-insensitive. */
export function lineOf(format: string, compiler: Compiler): Line {
  const key = format.toLowerCase();
  const known = formats(compiler).get(key);
  if (known !== undefined) return known;
  const predefined = REPLACEABLE.get(key);
  if (predefined === undefined) return compiler.fail(`unknown log format "${format}"`, null);
  const line = predefined(compiler);
  formats(compiler).set(key, line);
  return line;
}
