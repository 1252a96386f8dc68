/** Tokens of a Caddyfile (https://caddyserver.com/docs/caddyfile/concepts). */
import { SourceMistake } from '../model.js';

export interface Token {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** Written in quotes or backticks, so that braces and `#` are text. */
  readonly isQuoted: boolean;
  /** First of its line. */
  readonly begins: boolean;
}

/** Environment variables, replaced before the text is read: the default is the value. */
const ENVIRONMENT = /\{\$([^{}\s:]+)(?::([^{}]*))?\}/g;

/** Tokens of a text; names of environment variables without a default are passed to `unset`, and are empty. */
export function tokenize(text: string, unset: (name: string, line: number) => void): Token[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const filled = lines.map((line, index) =>
    line.replace(ENVIRONMENT, (_, name: string, value: string | undefined) => {
      if (value === undefined && !/^\s*#/.test(line)) unset(name, index + 1);
      return value ?? '';
    }),
  );
  return new Lexer(filled.join('\n')).tokens();
}

class Lexer {
  private at = 0;
  private line = 1;
  private isFirst = true;

  constructor(private readonly text: string) {}

  tokens(): Token[] {
    const tokens: Token[] = [];
    for (let token = this.next(); token !== null; token = this.next()) tokens.push(token);
    return tokens;
  }

  private next(): Token | null {
    const begins = this.skipBlanks() || this.at === 0 || this.isFirst;
    this.isFirst = false;
    const { text, line } = this;
    const first = text[this.at];
    if (first === undefined) return null;
    if (first === '"' || first === '`') return { text: this.quoted(first), line, isQuoted: true, begins };
    const heredoc = /^<<([\w-]+)\n/.exec(text.slice(this.at, this.at + 100));
    if (heredoc) return { text: this.heredoc(heredoc[0], heredoc[1] ?? ''), line, isQuoted: true, begins };
    const start = this.at;
    while (this.at < text.length && !/\s/.test(text[this.at] ?? '')) {
      if (text[this.at] === '\\' && text[this.at + 1] !== '\n') this.at++;
      else if (text[this.at] === '\\') break;
      this.at++;
    }
    return { text: text.slice(start, this.at), line, isQuoted: false, begins };
  }

  /** Returns whether a line ended. */
  private skipBlanks(): boolean {
    const before = this.line;
    for (; this.at < this.text.length; this.at++) {
      const character = this.text[this.at];
      if (character === '\n') this.line++;
      else if (character === '\\' && this.text[this.at + 1] === '\n') this.at++;
      else if (character === '#') {
        while (this.at + 1 < this.text.length && this.text[this.at + 1] !== '\n') this.at++;
      } else if (!/\s/.test(character ?? '')) break;
    }
    return this.line !== before;
  }

  private quoted(quote: string): string {
    const { text, line } = this;
    let value = '';
    for (this.at++; this.at < text.length; this.at++) {
      const character = text[this.at] ?? '';
      if (character === quote) {
        this.at++;
        return value;
      }
      if (quote === '"' && character === '\\' && text[this.at + 1] === '"') {
        value += '"';
        this.at++;
        continue;
      }
      if (character === '\n') this.line++;
      value += character;
    }
    throw new SourceMistake('a quote is not closed', line);
  }

  private heredoc(opening: string, marker: string): string {
    const { text, line } = this;
    this.at += opening.length;
    this.line++;
    const rest = text.slice(this.at);
    const end = new RegExp(`^([ \\t]*)${marker}(?=\\s|$)`, 'm').exec(rest);
    if (end === null) throw new SourceMistake(`the text <<${marker} is not closed`, line);
    const content = rest.slice(0, end.index);
    const indent = end[1] ?? '';
    this.at += end.index + end[0].length;
    this.line += content.split('\n').length - 1;
    const lines = content.split('\n').slice(0, -1);
    return lines.map((each) => (each.startsWith(indent) ? each.slice(indent.length) : each)).join('\n');
  }
}
