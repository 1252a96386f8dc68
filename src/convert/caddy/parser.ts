/** Sites and their directives in a Caddyfile, with snippets and files in place of `import`. */
import { SourceMistake } from '../model.js';
import type { NoteList } from '../note-list.js';
import { type Token, tokenize } from './lexer.js';

/** A line with its block. */
export interface Segment {
  readonly name: string;
  readonly args: readonly string[];
  readonly line: number;
  /** Null without braces. */
  readonly block: readonly Segment[] | null;
}

export interface Site {
  readonly addresses: readonly string[];
  readonly line: number;
  readonly body: readonly Segment[];
}

export interface Caddyfile {
  /** Global options. */
  readonly options: readonly Segment[];
  readonly sites: readonly Site[];
}

/** Texts of the files that a pattern of `import` names. */
export type ReadFiles = (pattern: string) => readonly { readonly name: string; readonly text: string }[];

/** Maximum depth of imports, and of blocks. */
const MAX_DEPTH = 50;

/** Maximum number of tokens of a file with its imports. */
const MAX_TOKENS = 500_000;

export function parseCaddyfile(text: string, read: ReadFiles, notes: NoteList): Caddyfile {
  return new Parser(read, notes).parse(text);
}

class Parser {
  private readonly snippets = new Map<string, readonly Token[]>();
  private count = 0;

  constructor(
    private readonly read: ReadFiles,
    private readonly notes: NoteList,
  ) {}

  parse(text: string): Caddyfile {
    const tokens = this.expand(this.tokens(text), 0);
    checkDepth(tokens);
    const options: Segment[] = [];
    const sites: Site[] = [];
    let at = 0;
    while (at < tokens.length) {
      const first = tokens[at];
      if (first === undefined) break;
      if (isBrace(first, '{')) {
        const end = closing(tokens, at);
        if (sites.length > 0 || options.length > 0)
          throw new SourceMistake('global options must come first', first.line);
        options.push(...segments(tokens.slice(at + 1, end)));
        at = end + 1;
        continue;
      }
      const addresses: string[] = [];
      let next = at;
      // Addresses may continue on the next line after a comma.
      for (; next < tokens.length; next++) {
        const token = tokens[next];
        if (token === undefined || isBrace(token, '{')) break;
        const continues = next === at || tokens[next - 1]?.text.endsWith(',');
        if (token.begins && !continues) break;
        addresses.push(...token.text.split(',').filter((part) => part !== ''));
      }
      const opening = tokens[next];
      if (opening !== undefined && isBrace(opening, '{')) {
        const end = closing(tokens, next);
        sites.push({ addresses, line: first.line, body: segments(tokens.slice(next + 1, end)) });
        at = end + 1;
      } else {
        // A single site needs no braces.
        if (sites.length > 0) throw new SourceMistake(`"${first.text}" is followed by no block`, first.line);
        sites.push({ addresses, line: first.line, body: segments(tokens.slice(next)) });
        at = tokens.length;
      }
    }
    return { options, sites };
  }

  private tokens(text: string): Token[] {
    return tokenize(text, (name, line) => {
      this.notes.missing(line, `the environment variable "${name}" has no default; it is empty`);
    });
  }

  /** Removes the definitions of snippets, and replaces imports. */
  private expand(tokens: readonly Token[], depth: number): Token[] {
    if (depth > MAX_DEPTH) throw new SourceMistake('imports are nested too deeply', tokens[0]?.line ?? 0);
    const expanded: Token[] = [];
    for (let at = 0; at < tokens.length; at++) {
      const token = tokens[at];
      if (token === undefined) break;
      if (++this.count > MAX_TOKENS) throw new SourceMistake('the file is too long', token.line);
      const snippet = token.begins && !token.isQuoted ? /^\((.+)\)$/.exec(token.text)?.[1] : undefined;
      const opening = tokens[at + 1];
      if (snippet !== undefined && opening !== undefined && isBrace(opening, '{')) {
        const end = closing(tokens, at + 1);
        this.snippets.set(snippet, tokens.slice(at + 2, end));
        at = end;
        continue;
      }
      if (token.begins && !token.isQuoted && token.text === 'import') {
        const words: Token[] = [];
        while (tokens[at + 1]?.begins === false && !isBrace(tokens[at + 1] ?? token, '}')) {
          at++;
          words.push(tokens[at] ?? token);
        }
        let block: readonly Token[] = [];
        const last = words.at(-1);
        if (last !== undefined && isBrace(last, '{')) {
          words.pop();
          const end = closing(tokens, at);
          block = tokens.slice(at + 1, end);
          at = end;
        }
        expanded.push(...this.imported(words, block, token.line, depth));
        continue;
      }
      expanded.push(token);
    }
    return expanded;
  }

  private imported(words: readonly Token[], block: readonly Token[], line: number, depth: number): Token[] {
    const [name, ...args] = words.map(({ text }) => text);
    if (name === undefined) throw new SourceMistake('import needs a name', line);
    const snippet = this.snippets.get(name);
    if (snippet !== undefined) {
      return this.expand(withBlock(withArguments(snippet, args), block), depth + 1);
    }
    const files = this.read(name);
    if (files.length === 0) this.notes.missing(line, `import "${name}" names no snippet and no file that can be read`);
    return files.flatMap(({ text }) =>
      this.expand(withBlock(withArguments(this.tokens(text), args), block), depth + 1),
    );
  }
}

function withArguments(tokens: readonly Token[], args: readonly string[]): Token[] {
  return tokens.map((token) => {
    const text = token.text.replace(
      /\{args(?:\.(\d+)|\[(\d+)\])\}/g,
      (_, dotted: string | undefined, index: string | undefined) => args[Number(dotted ?? index)] ?? '',
    );
    return text === token.text ? token : { ...token, text };
  });
}

/** Replaces `{block}` and `{blocks.NAME}` by the block of an `import`, or a block in it. */
function withBlock(tokens: readonly Token[], block: readonly Token[]): Token[] {
  return tokens.flatMap((token) => {
    if (token.isQuoted) return [token];
    const content = token.text === '{block}' ? block : namedBlock(/^\{blocks\.(.+)\}$/.exec(token.text)?.[1], block);
    if (content === null) return [token];
    return content.map((each, index) => (index === 0 ? { ...each, begins: token.begins || each.begins } : each));
  });
}

/** Content of a block in a block; null without a name. */
function namedBlock(name: string | undefined, block: readonly Token[]): readonly Token[] | null {
  if (name === undefined) return null;
  for (let at = 0; at < block.length; at++) {
    const [token, opening] = [block[at], block[at + 1]];
    if (token === undefined || opening === undefined || !token.begins || !isBrace(opening, '{')) continue;
    const end = closing(block, at + 1);
    if (token.text === name) return block.slice(at + 2, end);
    at = end;
  }
  return [];
}

function isBrace(token: Token, brace: '{' | '}'): boolean {
  return !token.isQuoted && token.text === brace;
}

function checkDepth(tokens: readonly Token[]): void {
  let depth = 0;
  for (const token of tokens) {
    if (isBrace(token, '{')) depth++;
    else if (isBrace(token, '}')) depth--;
    if (depth > MAX_DEPTH) throw new SourceMistake(`blocks nest more than ${MAX_DEPTH} deep`, token.line);
  }
}

/** Index of the brace that closes the one at `start`. */
function closing(tokens: readonly Token[], start: number): number {
  let depth = 0;
  for (let at = start; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined) break;
    if (isBrace(token, '{')) depth++;
    else if (isBrace(token, '}') && --depth === 0) return at;
  }
  throw new SourceMistake('a block is not closed', tokens[start]?.line ?? 0);
}

/** Lines of a block. */
function segments(tokens: readonly Token[]): Segment[] {
  const list: Segment[] = [];
  let at = 0;
  while (at < tokens.length) {
    const name = tokens[at];
    if (name === undefined) break;
    if (isBrace(name, '}')) throw new SourceMistake('"}" closes nothing', name.line);
    const args: string[] = [];
    let block: Segment[] | null = null;
    at++;
    for (let token = tokens[at]; token !== undefined && !token.begins; token = tokens[at]) {
      if (isBrace(token, '{')) {
        const end = closing(tokens, at);
        block = segments(tokens.slice(at + 1, end));
        at = end + 1;
        break;
      }
      args.push(token.text);
      at++;
    }
    list.push({ name: name.text, args, line: name.line, block });
  }
  return list;
}
