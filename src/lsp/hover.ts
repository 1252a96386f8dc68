/** Hovers: documentation of directives, their parameters, variables and names. */
import { type Hover, MarkupKind, type Position } from 'vscode-languageserver/node';
import type { Span, Statement, Word } from '../../grammar/syntax-tree.js';
import { knownDirectives } from '../config/foreign/known-directives.js';
import { headOf } from '../config/statement.js';
import { toText } from '../diagnostics/byte-string.js';
import { fileLineColumn } from '../diagnostics/place.js';
import { type Analysis, catalogue, directiveIn } from './analysis.js';
import { contentAt, cursorAt } from './cursor.js';
import { inheritedMarkdown } from './inherited-directives.js';
import { codeBlock, directiveMarkdown, foreignMarkdown, sentencesAbout } from './markdown.js';
import type { Mention } from './names/mention.js';
import type { OpenDocument } from './open-documents.js';
import { positionsOf, rangeOf } from './positions.js';
import { statementsAt, wordAt } from './syntax-tree.js';
import { syntaxWords } from './syntax-words.js';
import { builtInVariable, foreignVariableMarkdown, variableMarkdown } from './variables.js';

/** Maximum number of lines of a definition that are shown. */
const MAX_LINES = 12;

export function hoverAt(analysis: Analysis, { source }: OpenDocument, position: Position): Hover | null {
  const offset = positionsOf(source).offsetAt(position);
  const mention = analysis.names.at(source.name, offset);
  const about = mention === undefined ? null : mentionMarkdown(analysis, mention);
  if (mention !== undefined && about !== null) return hover(about, mention.at);
  const statement = statementsAt(source, offset).at(-1);
  const word = statement === undefined ? undefined : wordAt(statement, offset);
  if (statement === undefined || word === undefined) return null;
  const text =
    word === statement.name ? nameMarkdown(analysis, statement) : parameterMarkdown(analysis, statement, word);
  return text === null ? null : hover(text, word);
}

function hover(markdown: string, at: Span): Hover {
  return { contents: { kind: MarkupKind.Markdown, value: markdown }, range: rangeOf(at) };
}

function nameMarkdown(analysis: Analysis, statement: Statement): string | null {
  const { name, source, start } = statement;
  if (name.text === 'include') return includeMarkdown(analysis, statement);
  const content = contentAt(analysis, cursorAt(source, start));
  if (content !== null && 'entriesOf' in content) return null;
  const declared = directiveIn(content?.context ?? null, name.text);
  if (declared !== undefined) {
    const inherited = statement.block === null ? null : inheritedMarkdown(analysis, statement);
    return inherited === null ? directiveMarkdown(declared) : `${directiveMarkdown(declared)}\n\n---\n\n${inherited}`;
  }
  const known = knownDirectives(name.text);
  return known.length === 0 ? null : foreignMarkdown(name.text, known);
}

function includeMarkdown(analysis: Analysis, { args: [file] }: Statement): string {
  const files =
    file === undefined ? [] : analysis.filesOf(file.text).filter((path) => analysis.source(path) !== undefined);
  const list = files.length === 0 ? 'No file matches.' : files.map((path) => `- ${toText(path)}`).join('\n');
  return `Includes files in place.\n\n${list}`;
}

/** Parameter or literal word of a directive. */
function parameterMarkdown(analysis: Analysis, statement: Statement, word: Word): string | null {
  if (statement.name.text === 'include') return includeMarkdown(analysis, statement);
  const content = contentAt(analysis, cursorAt(statement.source, statement.start));
  if (content === null || 'entriesOf' in content) return null;
  const declared = catalogue.find(statement.name.text, content.context);
  if (declared === undefined) return null;
  const { syntax } = declared.spec.takes;
  const { flags, parameters } = syntaxWords(syntax);
  const name = /^[\w.-]+(?==)/.exec(word.text)?.[0] ?? word.text;
  if (!flags.includes(name) && !parameters.has(name)) return null;
  const values = parameters.get(name) ?? [];
  const about = sentencesAbout(name, declared.spec.doc);
  return [
    codeBlock(`${declared.name} ${syntax};`),
    ...(values.length === 0 ? [] : [`Values of \`${name}\`: ${values.map((value) => `\`${value}\``).join(', ')}`]),
    ...(about === '' ? [] : [about]),
  ].join('\n\n');
}

/** Definitions of a name; for a variable of a module, its documentation. */
function mentionMarkdown(analysis: Analysis, mention: Mention): string | null {
  const definitions = analysis.names.definitions(mention);
  const builtIn = mention.kind === 'variable' ? builtInVariable(mention.name) : undefined;
  if (definitions.length === 0 && builtIn === undefined) {
    return mention.kind === 'variable' ? foreignVariableMarkdown(mention.name) : null;
  }
  return [
    ...(builtIn === undefined ? [] : [variableMarkdown(builtIn)]),
    ...definitions.slice(0, 3).map(definitionMarkdown),
    ...(definitions.length > 3 ? [`${definitions.length - 3} further definitions`] : []),
  ].join('\n\n');
}

function definitionMarkdown({ kind, statement }: Mention): string {
  const { source, start, end } = kind === 'named location' || kind === 'variable' ? shortened(statement) : statement;
  const lines = source.text.slice(start, end).split('\n');
  const shown = lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), '…'] : lines;
  return `${codeBlock(toText(shown.join('\n')))}\n${kind} defined at ${toText(fileLineColumn(statement))}`;
}

/** A block of directives is shown without its content. */
function shortened(statement: Statement): Span {
  const isBlock = /^(?:location|server|if)$/.test(statement.name.text);
  return isBlock ? headOf(statement) : statement;
}
