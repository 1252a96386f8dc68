/**
 * Grammar of the configuration language.
 *
 * Like nginx's own reader it is flat: a text is a sequence of statement heads and closing braces, and the nesting is
 * kept on an explicit stack (in `TreeBuilder`), so that no block depth can exhaust the call stack. It is also total: it
 * accepts every sequence of tokens, and those that nginx rejects match alternatives that record a mistake. So each
 * mistake is reported at its position, and parsing resumes directly after it.
 */
import type { IParserConfig, IToken, ParserMethod, TokenType } from 'chevrotain';
import { balanceBlocks } from './block-balance.js';
import { EmbeddedActionsParser, EOF } from './chevrotain.js';
import {
  AnyWord,
  ClosingBrace,
  CommentText,
  ForeignBlock,
  OpeningBrace,
  Semicolon,
  TOKEN_TYPES,
  tokenize,
} from './lexer.js';
import { isMarkup, markupTree } from './markup.js';
import type { Source, SyntaxTree } from './syntax-tree.js';
import { type TextKind, TreeBuilder } from './tree-builder.js';

/** Parser of the language; `read` makes it drive a `TreeBuilder`. */
export class ConfigurationParser extends EmbeddedActionsParser {
  readonly #configuration: ParserMethod<[], void>;
  #builder: TreeBuilder | null = null;

  /** @param config without `skipValidations` the grammar is validated, which takes longer than parsing a small text. */
  constructor(config: IParserConfig = { skipValidations: true }) {
    super([...TOKEN_TYPES], { maxLookahead: 1, ...config });

    // While chevrotain records the grammar there is no builder. The alternatives of a rule are created once, not for
    // each statement.
    const taking = (type: TokenType, give: (builder: TreeBuilder, token: IToken) => void) => ({
      ALT: () => {
        const token = this.CONSUME2(type);
        if (this.#builder !== null) give(this.#builder, token);
      },
    });
    const word = taking(AnyWord, (builder, token) => builder.word(token));
    const comment = taking(CommentText, (builder, token) => builder.comment(token));
    const semicolon = taking(Semicolon, (builder, token) => builder.semicolon(token));
    const openingBrace = taking(OpeningBrace, (builder, token) => builder.openBlock(token));
    const closingBrace = taking(ClosingBrace, (builder, token) => builder.closeBlock(token));
    const foreignBlock = taking(ForeignBlock, (builder, token) => builder.foreignBlock(token));
    const nothing = {
      ALT: () => {
        const next = this.LA(1);
        this.#builder?.unterminated(next.tokenType === EOF ? null : next);
      },
    };

    const inStatement = [word, comment];
    const atEnd = [semicolon, openingBrace, foreignBlock, nothing];
    const words = () => this.OR1(inStatement);
    const statement = this.RULE('statement', () => {
      const first = this.CONSUME1(AnyWord);
      this.#builder?.word(first);
      this.MANY(words);
      this.OR2(atEnd);
    });

    const item = [{ ALT: () => this.SUBRULE(statement) }, comment, closingBrace, semicolon, openingBrace];
    const items = () => this.OR(item);
    this.#configuration = this.RULE('configuration', () => this.MANY(items));

    this.performSelfAnalysis();
  }

  /** Reads all tokens of a text into `builder`. */
  read(tokens: IToken[], builder: TreeBuilder): void {
    this.input = tokens;
    this.#builder = builder;
    this.#configuration();
    this.#builder = null;
    this.input = [];
  }
}

const parser = new ConfigurationParser();

/**
 * Parses a configuration text: every text gives a tree, together with all mistakes found in it, in the order of their
 * offsets. Never throws; takes linear time.
 *
 * @param kind `parameter` for the text of `-g`, which cannot contain blocks and has its own messages.
 * @param opensBlock whether the named directive takes a block; used to locate a missing `{`.
 */
export function parse(
  source: Source,
  kind: TextKind = 'file',
  opensBlock: (name: string) => boolean = () => false,
): SyntaxTree {
  if (isMarkup(source.text)) return markupTree(source);
  const tokens = tokenize(source.text);
  const builder = new TreeBuilder(source, kind, balanceBlocks(source.text, tokens, opensBlock), opensBlock);
  parser.read(tokens, builder);
  return builder.finish();
}
