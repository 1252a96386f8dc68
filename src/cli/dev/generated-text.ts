/** Statements that `tsproxy dev` adds to a configuration. */
import { parse } from '../../../grammar/parser.js';
import { isStatement, type Statement } from '../../../grammar/syntax-tree.js';

/** Name of the text of added statements in findings and places. */
export const GENERATED = '<tsproxy dev>';

/** Parses statements in nginx's language. Bytes. */
export function generatedStatements(text: string): Statement[] {
  return parse({ name: GENERATED, text }).items.filter(isStatement);
}
