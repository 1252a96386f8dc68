/** Context of the cursor: the open blocks, the words before it, and the word that is being typed. */
import { AnyWord, ClosingBrace, CommentText, OpeningBrace, Semicolon, tokenize } from '../../grammar/lexer.js';
import type { Source } from '../../grammar/syntax-tree.js';
import type { Context } from '../config/directive.js';
import { type Analysis, directiveIn } from './analysis.js';

/** A block that is open at the cursor. */
export interface OpenBlock {
  readonly name: string;
  readonly args: readonly string[];
  /** Offset of its statement. */
  readonly start: number;
}

export interface Cursor {
  readonly source: Source;
  readonly offset: number;
  /** Open blocks, the outermost first. */
  readonly blocks: readonly OpenBlock[];
  /** Words of the statement before the cursor, as written; empty if a directive's name is being typed. */
  readonly words: readonly string[];
  /** The part of the current word before the cursor, without its opening quote. */
  readonly prefix: string;
  /** Offset of the prefix. */
  readonly start: number;
  /** Whether the cursor is in a comment. */
  readonly inComment: boolean;
}

/** Reads the text up to an offset; the rest may be unfinished, and is not examined. */
export function cursorAt(source: Source, offset: number): Cursor {
  const blocks: OpenBlock[] = [];
  let words: { readonly text: string; readonly start: number }[] = [];
  let inComment = false;
  for (const { tokenType, image, startOffset } of tokenize(source.text.slice(0, offset))) {
    const type = tokenType;
    if (type === CommentText || type.CATEGORIES?.includes(CommentText) === true) {
      inComment = startOffset + image.length === offset;
    } else if (type === OpeningBrace) {
      const [name, ...args] = words;
      blocks.push({ name: name?.text ?? '', args: args.map(({ text }) => text), start: name?.start ?? startOffset });
      words = [];
    } else if (type === ClosingBrace) {
      blocks.pop();
      words = [];
    } else if (type === Semicolon) {
      words = [];
    } else if (type.CATEGORIES?.includes(AnyWord) === true) {
      words.push({ text: image, start: startOffset });
    } else {
      // A block in another language.
      words = [];
    }
  }
  const last = words.at(-1);
  const isTyped = last !== undefined && last.start + last.text.length === offset;
  const before = isTyped ? words.slice(0, -1) : words;
  const quoted = isTyped && /^["']/.test(last.text);
  const start = isTyped ? last.start + (quoted ? 1 : 0) : offset;
  return {
    source,
    offset,
    blocks,
    words: before.map(({ text }) => text),
    prefix: source.text.slice(start, offset),
    start,
    inComment,
  };
}

/** Content of a block: directives of a context, or entries of a directive (`map`, `types`). */
export type BlockContent = { readonly context: Context } | { readonly entriesOf: string };

/** Content of the block at the cursor; null if it is unknown (`stream`). */
export function contentAt(
  analysis: Analysis,
  { source, blocks }: Pick<Cursor, 'source' | 'blocks'>,
): BlockContent | null {
  return contentIn(outermostOf(analysis, source.name), blocks);
}

function contentIn(outermost: BlockContent | null, blocks: readonly OpenBlock[]): BlockContent | null {
  let content = outermost;
  for (const { name } of blocks) content = content === null ? null : inside(content, name);
  return content;
}

/** Content of a block that is opened in another one. */
function inside(around: BlockContent, name: string): BlockContent | null {
  if ('entriesOf' in around) return null;
  const { body } = directiveIn(around.context, name)?.spec ?? {};
  if (body === undefined) return null;
  if ('entries' in body) return { entriesOf: name };
  return { context: typeof body.context === 'function' ? body.context(around.context) : body.context };
}

/** Content of the outermost level of a file: that of the block that includes it. */
function outermostOf(analysis: Analysis, path: string): BlockContent | null {
  if (path === analysis.root.source.name) return { context: 'main' };
  const source = analysis.source(path);
  const include = source === undefined ? undefined : analysis.result.expansion?.trailOf(source).at(-1);
  if (include === undefined) return { context: 'main' };
  const cursor = cursorAt(include.source, include.start);
  return contentIn(outermostOf(analysis, include.source.name), cursor.blocks);
}
