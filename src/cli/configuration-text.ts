/** Generated configurations: lines of directives and blocks, whose words are quoted where necessary. */
import { writeValue } from '../../grammar/words.js';
import { toBytes } from '../diagnostics/byte-string.js';
import { format } from '../format/format.js';

/** A directive, a block with its content, a comment, or an empty line. */
export type Line = readonly [name: string, ...words: string[]] | Block | string;

export interface Block {
  readonly head: readonly string[];
  readonly lines: readonly Line[];
}

/** A block: `block(['location', '/'], […])`. */
export function block(head: readonly string[], lines: readonly Line[]): Block {
  return { head, lines };
}

/** The text in the layout of `tsproxy fmt`, as bytes. Strings among the lines are comments, or empty lines. */
export function configurationText(lines: readonly Line[]): string {
  const { text, findings } = format({ name: 'generated', text: toBytes(written(lines)) });
  if (text === null) throw new Error(findings.map(({ message }) => message).join('\n'));
  return text;
}

function written(lines: readonly Line[]): string {
  return lines.map((line) => `${writtenLine(line)}\n`).join('');
}

function writtenLine(line: Line): string {
  if (typeof line === 'string') return line === '' ? '' : `# ${line}`;
  if ('head' in line) return `${words(line.head)} {\n${written(line.lines)}}`;
  return `${words(line)};`;
}

function words(list: readonly string[]): string {
  return list.map(writtenWord).join(' ');
}

/** A word on one line, quoted if necessary. */
function writtenWord(word: string): string {
  const value = writeValue(word, '');
  return value.startsWith('"') ? value.replaceAll('\n', '\\n') : value;
}
