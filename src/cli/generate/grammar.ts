/** TextMate grammar of the configuration language, for editors: `editors/vscode/syntaxes/nginx.tmLanguage.json`. */
import { knownByName } from '../../config/foreign/known-directives.js';
import type { Module } from '../../program/module.js';

interface Rule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
  readonly beginCaptures?: Readonly<Record<string, { readonly name: string }>>;
  readonly endCaptures?: Readonly<Record<string, { readonly name: string }>>;
  readonly include?: string;
  readonly patterns?: readonly Rule[];
}

/** Position where a word begins: after a space, `;` or brace, or at the start of a line. */
const WORD_START = '(?:^|(?<=[\\s;{}]))';

/** Position after a word. */
const WORD_END = '(?=[\\s;{]|$)';

/** The text of the grammar, with the directives of the modules and of nginx. */
export function grammarText(modules: readonly Module[]): string {
  const blocks = new Set<string>();
  const others = new Set<string>(['include']);
  for (const { directives } of modules) {
    for (const [name, { body }] of Object.entries(directives)) (body === undefined ? others : blocks).add(name);
  }
  for (const [name, owners] of knownByName()) {
    if (owners.some(({ takesBlock }) => takesBlock)) blocks.add(name);
    else others.add(name);
  }
  // `server` opens a block, except in an upstream.
  for (const name of blocks) others.delete(name);
  const grammar = {
    comment: 'Generated from the declarations in src/modules by `npm run generate`; do not edit.',
    name: 'nginx',
    scopeName: 'source.nginx',
    patterns: [{ include: '#comment' }, { include: '#lua' }, { include: '#brace' }, { include: '#statement' }],
    repository: repository([...blocks].sort(), [...others].sort()),
  };
  return `${JSON.stringify(grammar, null, 2)}\n`;
}

function repository(blocks: readonly string[], others: readonly string[]): Readonly<Record<string, Rule>> {
  const statement = (name: string, names: readonly string[]): Rule => ({
    begin: `${WORD_START}(${names.join('|')})${WORD_END}`,
    beginCaptures: { 1: { name } },
    end: '(;)|(?=[{}])',
    endCaptures: { 1: { name: 'punctuation.terminator.statement.nginx' } },
    patterns: [{ include: '#argument' }],
  });
  return {
    comment: { name: 'comment.line.number-sign.nginx', match: `${WORD_START}#.*$` },
    brace: { name: 'punctuation.section.block.nginx', match: '[{}]' },
    lua: {
      begin: `${WORD_START}(\\w+_by_lua_block)\\s*(\\{)`,
      beginCaptures: {
        1: { name: 'keyword.control.block.nginx' },
        2: { name: 'punctuation.section.block.nginx' },
      },
      end: '\\}',
      endCaptures: { 0: { name: 'punctuation.section.block.nginx' } },
      patterns: [{ include: '#lua-braces' }, { include: 'source.lua' }],
    },
    'lua-braces': { begin: '\\{', end: '\\}', patterns: [{ include: '#lua-braces' }, { include: 'source.lua' }] },
    statement: {
      patterns: [
        statement('keyword.control.block.nginx', blocks),
        statement('support.function.directive.nginx', others),
        // Entries of `map` and similar blocks, and directives of other modules.
        { ...statement('entity.name.tag.entry.nginx', []), begin: `${WORD_START}(?=[^\\s;{}#])` },
      ],
    },
    argument: {
      patterns: [
        { include: '#comment' },
        { include: '#expression' },
        { include: '#string' },
        { include: '#variable' },
        {
          match: `${WORD_START}([\\w.-]+)(=)(?=[^\\s=~])`,
          captures: { 1: { name: 'variable.parameter.nginx' }, 2: { name: 'keyword.operator.assignment.nginx' } },
        },
        { name: 'constant.language.nginx', match: `${WORD_START}(?:on|off|default|none|auto|all)${WORD_END}` },
        {
          name: 'constant.numeric.nginx',
          match: `${WORD_START}\\d+(?:\\.\\d+)?(?:ms|[smhdwMykKgG]|r/[sm])?${WORD_END}`,
        },
        { name: 'keyword.operator.nginx', match: `${WORD_START}(?:!?~\\*?|\\^~|!?=)(?=\\s)` },
        { name: 'entity.name.function.nginx', match: `${WORD_START}@[\\w.-]+` },
      ],
    },
    expression: {
      match: `${WORD_START}(!?~\\*?)\\s+("(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'|[^\\s;{]+(?:\\{\\d+(?:,\\d*)?\\}[^\\s;{]*)*)`,
      captures: { 1: { name: 'keyword.operator.nginx' }, 2: { name: 'string.regexp.nginx' } },
    },
    string: {
      patterns: [quoted('"', 'string.quoted.double.nginx'), quoted("'", 'string.quoted.single.nginx')],
    },
    variable: { name: 'variable.other.nginx', match: '\\$(?:\\{\\w+\\}|[A-Za-z_]\\w*|[0-9])' },
  };
}

function quoted(quote: string, name: string): Rule {
  return {
    name,
    begin: quote,
    end: quote,
    patterns: [{ name: 'constant.character.escape.nginx', match: '\\\\.' }, { include: '#variable' }],
  };
}
