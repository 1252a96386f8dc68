/** Definitions, references and renaming of names, and the files of includes and scripts. */
import type {
  DocumentHighlight,
  DocumentLink,
  Location,
  Position,
  Range,
  WorkspaceEdit,
} from 'vscode-languageserver/node';
import { DocumentHighlightKind, ErrorCodes, ResponseError } from 'vscode-languageserver/node';
import { allStatements, type Span, type Statement, type Word } from '../../grammar/syntax-tree.js';
import { toBytes, toText } from '../diagnostics/byte-string.js';
import type { Analysis } from './analysis.js';
import { workspaceEdit } from './edits.js';
import { contentOf, type Mention } from './names/mention.js';
import { spellingOf } from './names/name-index.js';
import type { OpenDocument } from './open-documents.js';
import { positionsOf, rangeOf } from './positions.js';
import { functionsOf, scriptOf } from './script-functions.js';
import { statementsAt, treeOf, wordAt } from './syntax-tree.js';
import { builtInVariable } from './variables.js';

type UriOf = (path: string) => string;

const START: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

function locationOf(span: Span, uriOf: UriOf): Location {
  return { uri: uriOf(span.source.name), range: rangeOf(span) };
}

/** Definitions of the name at a position; for an include or a script, its files. */
export function definitionsAt(
  analysis: Analysis,
  { source }: OpenDocument,
  position: Position,
  uriOf: UriOf,
): Location[] {
  const offset = positionsOf(source).offsetAt(position);
  const statement = statementsAt(source, offset).at(-1);
  const word = statement === undefined ? undefined : wordAt(statement, offset);
  if (statement !== undefined && word !== undefined) {
    const files = filesAt(analysis, statement, word);
    if (files.length > 0) return files.map((path) => ({ uri: uriOf(path), range: START }));
    const functions = functionAt(analysis, statement, word, offset);
    if (functions.length > 0) return functions.map((span) => locationOf(span, uriOf));
  }
  const mention = analysis.names.at(source.name, offset);
  return mention === undefined ? [] : analysis.names.definitions(mention).map(({ at }) => locationOf(at, uriOf));
}

/** Files that a word names. */
function filesAt(analysis: Analysis, { name, args }: Statement, word: Word): readonly string[] {
  if (word === name) return [];
  if (name.text === 'include') return analysis.filesOf(word.text).filter((path) => analysis.source(path) !== undefined);
  if (name.text !== 'js_import' || word !== args.at(-1)) return [];
  const script = scriptOf(analysis, word.text);
  return script === null ? [] : [script.name];
}

/** The function of a script after the dot of `module.function`. */
function functionAt(analysis: Analysis, { name }: Statement, word: Word, offset: number): Span[] {
  const [, module, written] = /^(\w+)\.(\w+)$/.exec(word.text) ?? [];
  if (!name.text.startsWith('js_') || module === undefined || offset <= contentOf(word).start + module.length)
    return [];
  const imports = analysis.names.defined('script module').filter((each) => each.name === module);
  return imports.flatMap(({ statement }) =>
    functionsOf(analysis, statement.args.at(-1)?.text ?? '')
      .filter((each) => each.name === written)
      .map(({ at }) => at),
  );
}

export function referencesAt(
  analysis: Analysis,
  { source }: OpenDocument,
  position: Position,
  includesDefinitions: boolean,
  uriOf: UriOf,
): Location[] {
  const mention = analysis.names.at(source.name, positionsOf(source).offsetAt(position));
  if (mention === undefined) return [];
  return analysis.names
    .same(mention)
    .filter(({ defines }) => includesDefinitions || !defines)
    .map(({ at }) => locationOf(at, uriOf));
}

/** Occurrences, in the same document, of the name at a position. */
export function highlightsAt(analysis: Analysis, { source }: OpenDocument, position: Position): DocumentHighlight[] {
  const mention = analysis.names.at(source.name, positionsOf(source).offsetAt(position));
  if (mention === undefined) return [];
  return analysis.names
    .same(mention)
    .filter(({ at }) => at.source.name === source.name)
    .map(({ at, defines }) => ({
      range: rangeOf(at),
      kind: defines ? DocumentHighlightKind.Write : DocumentHighlightKind.Read,
    }));
}

/** The name at a position if it can be renamed, because the configuration defines it; otherwise null. */
function renameable(analysis: Analysis, source: OpenDocument['source'], position: Position): Mention | null {
  const mention = analysis.names.at(source.name, positionsOf(source).offsetAt(position));
  if (mention === undefined || analysis.names.definitions(mention).length === 0) return null;
  if (mention.kind === 'variable' && builtInVariable(mention.name) !== undefined) return null;
  // A script that is imported by its file alone is named after the file.
  return mention.kind === 'script module' ? null : mention;
}

export function prepareRename(
  analysis: Analysis,
  { source }: OpenDocument,
  position: Position,
): { range: Range; placeholder: string } | null {
  const mention = renameable(analysis, source, position);
  return mention === null ? null : { range: rangeOf(mention.at), placeholder: toText(spellingOf(mention)) };
}

/** Edits of all occurrences; an error if the new name is invalid or already defined. */
export function renameAt(
  analysis: Analysis,
  { source }: OpenDocument,
  position: Position,
  newName: string,
  uriOf: UriOf,
): WorkspaceEdit | ResponseError<void> {
  const mention = renameable(analysis, source, position);
  if (mention === null) return refusal('there is no name that this configuration defines');
  const name = toBytes(mention.kind === 'variable' ? newName.replace(/^\$/, '') : newName.replace(/^@/, ''));
  if (!VALID[mention.kind === 'variable' ? 'variable' : 'other'].test(name)) {
    return refusal(`"${newName}" is not a valid name of a ${mention.kind}`);
  }
  const key = mention.kind === 'variable' || mention.kind === 'upstream' ? name.toLowerCase() : name;
  if (key !== mention.name && analysis.names.definitions({ ...mention, name: key }).length > 0) {
    return refusal(`the ${mention.kind} "${newName}" is defined already`);
  }
  if (mention.kind === 'variable' && builtInVariable(key) !== undefined) {
    return refusal(`"$${key}" is a variable of the module ${builtInVariable(key)?.module}`);
  }
  return workspaceEdit(
    analysis.names.same(mention).map(({ at }) => ({ at, text: name })),
    uriOf,
  );
}

const VALID = { variable: /^[A-Za-z_]\w*$/, other: /^[^\s;{}'"$\\:/=,#]+$/ } as const;

function refusal(message: string): ResponseError<void> {
  return new ResponseError(ErrorCodes.InvalidParams, message);
}

/** Links from the arguments of includes to their files. */
export function linksIn(analysis: Analysis, { source }: OpenDocument, uriOf: UriOf): DocumentLink[] {
  const links: DocumentLink[] = [];
  for (const statement of allStatements(treeOf(source).items)) {
    const [word] = statement.args;
    if (word === undefined || statement.name.text !== 'include') continue;
    const [file, ...others] = filesAt(analysis, statement, word);
    if (file === undefined) continue;
    links.push({
      range: rangeOf(contentOf(word)),
      target: uriOf(file),
      ...(others.length > 0 && { tooltip: `the first of ${others.length + 1} files` }),
    });
  }
  return links;
}
