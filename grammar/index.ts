/** The configuration language: text to syntax tree and back. Independent of directive names. */
export { missingSemicolon } from './missing-semicolon.js';
export { parse } from './parser.js';
export { lineCount, lineStart, lineText, type Position, positionOf } from './positions.js';
export { print } from './print.js';
export {
  type Block,
  type Comment,
  type Item,
  isStatement,
  type Quote,
  type Source,
  type Span,
  type Statement,
  type SyntaxMistake,
  type SyntaxTree,
  type Word,
} from './syntax-tree.js';
export type { TextKind } from './tree-builder.js';
export { writeValue } from './words.js';
