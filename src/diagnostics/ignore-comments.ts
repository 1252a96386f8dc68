/**
 * Comments that silence findings: `# tsproxy-ignore: code[, code]`, on the line of the finding or alone on the line above.
 * Text after the codes is the author's reason. Errors cannot be silenced.
 */
import { CommentText, tokenize } from '../../grammar/lexer.js';
import { lineStart, positionOf } from '../../grammar/positions.js';
import type { Source, Span } from '../../grammar/syntax-tree.js';
import type { Finding, Fix } from './finding.js';
import { nearest } from './nearest.js';

const MARK = 'tsproxy-ignore:';

/** One code of a comment. */
interface Ignore {
  readonly code: string;
  readonly at: Span;
  /** Text to remove if the code silences nothing. */
  readonly removal: Span;
  silenced: number;
  /** Whether there was an error with that code, which is not silenced. */
  error: boolean;
}

/** Whether a code exists; `sometimes`: its findings depend on more than the text. */
export type Knowledge = boolean | 'sometimes';

/** The comments of a configuration. */
export class IgnoreComments {
  /** By the name of the source and the line that they apply to. */
  private readonly byLine = new Map<string, Ignore[]>();
  private readonly all: Ignore[] = [];

  constructor(sources: readonly Source[]) {
    // A file that is included twice has the same comments twice.
    for (const source of new Map(sources.map((each) => [each.name, each])).values()) {
      if (source.text.includes(MARK)) this.read(source);
    }
  }

  /** Number of codes in the comments. */
  get size(): number {
    return this.all.length;
  }

  /** Findings that no comment silences. */
  unsuppressed(findings: readonly Finding[]): readonly Finding[] {
    return this.byLine.size === 0 ? findings : findings.filter((finding) => !this.silences(finding));
  }

  /**
   * A hint for each code that silenced nothing in `unsuppressed`; codes with the knowledge `sometimes` are skipped.
   *
   * @param complete false if not all checks were run, so that an unused code may still be needed
   */
  unused(knowledge: (code: string) => Knowledge, known: readonly string[], complete: boolean): Finding[] {
    return this.all
      .filter(({ code, silenced, error }) => silenced === 0 && (complete || error || knowledge(code) === false))
      .filter(({ code, error }) => error || knowledge(code) !== 'sometimes')
      .map(({ code, at, removal, error }) => {
        const isUnknown = code !== '' && knowledge(code) === false;
        const [meant] = isUnknown ? nearest(code, known) : [];
        const help = meant === undefined ? '"tsproxy code" lists the codes' : `did you mean "${meant}"?`;
        const fix: Fix = { title: 'remove it', edits: [{ at: removal, text: '' }] };
        return {
          code: 'unused-ignore',
          severity: 'hint',
          message: isUnknown ? `there is no code "${code}"` : `"${MARK} ${code}" silences nothing`,
          at,
          help:
            isUnknown || code === ''
              ? help
              : error
                ? 'errors cannot be silenced'
                : 'there is no finding with that code here',
          // No removal for a misspelt code, which should be corrected, or for an error, which should be fixed.
          ...(!isUnknown && !error && { fix }),
        };
      });
  }

  private silences({ code, severity, at }: Finding): boolean {
    if (at === null) return false;
    const ignores = this.byLine.get(keyOf(at.source, positionOf(at.source, at.start).line)) ?? [];
    const own = ignores.filter((ignore) => ignore.code === code);
    for (const ignore of own) {
      if (severity === 'error') ignore.error = true;
      else ignore.silenced++;
    }
    return severity !== 'error' && own.length > 0;
  }

  private read(source: Source): void {
    const tokens = tokenize(source.text);
    for (const [i, { tokenType, startOffset, image }] of tokens.entries()) {
      if (tokenType !== CommentText) continue;
      const written = /^#\s*tsproxy-ignore:\s*/.exec(image)?.[0];
      if (written === undefined) continue;
      const { line } = positionOf(source, startOffset);
      const isOwnLine = source.text.slice(lineStart(source, line), startOffset).trim() === '';
      const comment: Span = { source, start: startOffset, end: startOffset + image.length };
      const target = isOwnLine ? lineBelow(source, tokens.slice(i, i + MAX_COMMENTS), line) : line;
      this.take(ignoresOf(comment, written.length, isOwnLine), keyOf(source, target));
    }
  }

  private take(ignores: readonly Ignore[], key: string): void {
    for (const ignore of ignores) this.all.push(ignore);
    this.byLine.set(key, [...(this.byLine.get(key) ?? []), ...ignores]);
  }
}

/** Number of consecutive comment lines that an ignore comment may precede. */
const MAX_COMMENTS = 50;

/** The line that a comment on its own line applies to: the next one that is not a comment. */
function lineBelow(
  source: Source,
  tokens: readonly { readonly tokenType: unknown; readonly startOffset: number }[],
  line: number,
): number {
  let below = line + 1;
  for (const { tokenType, startOffset } of tokens.slice(1)) {
    if (tokenType !== CommentText || positionOf(source, startOffset).line !== below) break;
    below++;
  }
  return below;
}

/** Codes of one comment; a single empty code if it names none. */
function ignoresOf(comment: Span, from: number, isOwnLine: boolean): Ignore[] {
  const { source, start } = comment;
  const text = source.text.slice(start, comment.end);
  const list = /^[\w-]+(?:\s*,\s*[\w-]+)*/.exec(text.slice(from))?.[0] ?? '';
  const whole = wholeOf(comment, isOwnLine);
  if (list === '') return [{ code: '', at: comment, removal: whole, silenced: 0, error: false }];
  const found = [...list.matchAll(/[\w-]+/g)];
  return found.map(({ 0: code, index }, i) => {
    const at: Span = { source, start: start + from + index, end: start + from + index + code.length };
    const next = found[i + 1];
    const before = found[i - 1];
    const removal: Span =
      found.length === 1
        ? whole
        : next === undefined
          ? { ...at, start: start + from + (before?.index ?? 0) + (before?.[0].length ?? 0) }
          : { ...at, end: start + from + next.index };
    return { code, at, removal, silenced: 0, error: false };
  });
}

/** Span of a comment with the blanks before it and, on its own line, the line break. */
function wholeOf({ source, start, end }: Span, isOwnLine: boolean): Span {
  const { text } = source;
  let from = start;
  while (from > 0 && (text.charAt(from - 1) === ' ' || text.charAt(from - 1) === '\t')) from--;
  const lineBreak = text.startsWith('\r\n', end) ? 2 : text.startsWith('\n', end) ? 1 : 0;
  return { source, start: from, end: isOwnLine ? end + lineBreak : end };
}

function keyOf({ name }: Source, line: number): string {
  return `${line} ${name}`;
}
