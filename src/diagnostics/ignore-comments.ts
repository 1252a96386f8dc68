/**
 * Comments that silence findings: `# tsproxy-ignore: code[, code]`, on the line of the finding or alone on the line above.
 * What follows the codes is the author's reason. Errors cannot be silenced.
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
  /** What to take away where it silences nothing. */
  readonly removal: Span;
  silenced: number;
  /** Whether there was an error of that code, which stays. */
  error: boolean;
}

/** Whether there is such a code; `sometimes`: what it finds depends on more than the text. */
export type Knowledge = boolean | 'sometimes';

/** The comments of a configuration. */
export class IgnoreComments {
  /** By the name of the source and the line on which they work. */
  private readonly byLine = new Map<string, Ignore[]>();
  private readonly all: Ignore[] = [];

  constructor(sources: readonly Source[]) {
    // A file that is included twice has the same comments twice.
    for (const source of new Map(sources.map((each) => [each.name, each])).values()) {
      if (source.text.includes(MARK)) this.read(source);
    }
  }

  /** How many codes the comments name. */
  get size(): number {
    return this.all.length;
  }

  /** The findings without those that a comment silences. */
  heard(findings: readonly Finding[]): readonly Finding[] {
    return this.byLine.size === 0 ? findings : findings.filter((finding) => !this.silences(finding));
  }

  /**
   * A hint for each code that silenced nothing of what `heard` was given; `sometimes` those are left alone.
   *
   * @param complete false where not everything was looked for: then a code may still have its use
   */
  unused(knowledge: (code: string) => Knowledge, known: readonly string[], complete: boolean): Finding[] {
    return this.all
      .filter(({ code, silenced, error }) => silenced === 0 && (complete || error || knowledge(code) === false))
      .filter(({ code, error }) => error || knowledge(code) !== 'sometimes')
      .map(({ code, at, removal, error }) => {
        const isUnknown = code !== '' && knowledge(code) === false;
        const [meant] = isUnknown ? nearest(code, known) : [];
        const help = meant === undefined ? '"tsproxy code" lists the codes' : `did you mean "${meant}"?`;
        const fix: Fix = { title: 'take it away', edits: [{ at: removal, text: '' }] };
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
                : 'nothing of that code is found here',
          // Who mistyped a code wants it right, not gone; who wants an error silenced has something to think about.
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
      const isAlone = source.text.slice(lineStart(source, line), startOffset).trim() === '';
      const comment: Span = { source, start: startOffset, end: startOffset + image.length };
      const target = isAlone ? lineBelow(source, tokens.slice(i, i + MOST_COMMENTS), line) : line;
      this.take(ignoresOf(comment, written.length, isAlone), keyOf(source, target));
    }
  }

  private take(ignores: readonly Ignore[], key: string): void {
    for (const ignore of ignores) this.all.push(ignore);
    this.byLine.set(key, [...(this.byLine.get(key) ?? []), ...ignores]);
  }
}

/** Comments in a row that a comment above them reaches over. */
const MOST_COMMENTS = 50;

/** The line that a comment alone on its line is about: the next one that is not a comment itself. */
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

/** The codes of one comment; where it names none, one that is empty. */
function ignoresOf(comment: Span, from: number, isAlone: boolean): Ignore[] {
  const { source, start } = comment;
  const text = source.text.slice(start, comment.end);
  const list = /^[\w-]+(?:\s*,\s*[\w-]+)*/.exec(text.slice(from))?.[0] ?? '';
  const whole = wholeOf(comment, isAlone);
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

/** A comment with what would be left over of its line without it. */
function wholeOf({ source, start, end }: Span, isAlone: boolean): Span {
  const { text } = source;
  let from = start;
  while (from > 0 && (text.charAt(from - 1) === ' ' || text.charAt(from - 1) === '\t')) from--;
  const lineBreak = text.startsWith('\r\n', end) ? 2 : text.startsWith('\n', end) ? 1 : 0;
  return { source, start: from, end: isAlone ? end + lineBreak : end };
}

function keyOf({ name }: Source, line: number): string {
  return `${line} ${name}`;
}
