/**
 * Templates of configurations: Jinja2, Go, ERB and `envsubst`. Tags are replaced by text of the same length, so that the
 * static statements around them can be checked, and their findings have the right places.
 */
import type { Source, Span } from '../../grammar/syntax-tree.js';
import type { Finding, Fix } from '../diagnostics/finding.js';

/** Endings that follow the name of the file that a template or sample is for. */
const ENDING = /\.(?:sample|example|dist|template|tmpl|tpl|gotmpl|j2|jinja2?|erb|epp|in|default)$/i;

/** Name of a file without the endings of templates and samples. */
export function installedName(name: string): string {
  let plain = name;
  while (ENDING.test(plain)) plain = plain.replace(ENDING, '');
  return plain;
}

/** Whether a file is a template by its name: placeholders in it are intended. */
export function isTemplateName(name: string): boolean {
  return installedName(name) !== name;
}

/** A template with its tags replaced. */
export interface MaskedTemplate {
  readonly original: string;
  /** Of the same length as the original, with the same line breaks. */
  readonly text: string;
  /** Offsets of the tags, in order. */
  readonly tags: readonly (readonly [start: number, end: number])[];
}

const CLOSING: Readonly<Record<string, string>> = { '{{': '}}', '{%': '%}', '{#': '#}', '<%': '%>' };

/** Offsets of the tags of a text, in order. */
function tagsOf(text: string): [start: number, end: number][] {
  const tags: [number, number][] = [];
  const opening = /\{[{%#]|<%/g;
  // After a search for the end of a tag has failed, it is not repeated for the same kind, so that the time is linear.
  const unclosed = new Set<string>();
  for (let match = opening.exec(text); match !== null; match = opening.exec(text)) {
    const [kind] = match;
    if (unclosed.has(kind)) continue;
    const closing = text.indexOf(CLOSING[kind] ?? '', match.index + 2);
    if (closing === -1) {
      unclosed.add(kind);
      continue;
    }
    tags.push([match.index, closing + 2]);
    opening.lastIndex = closing + 2;
  }
  return tags;
}

/** Start of a tag that inserts nothing: control flow, an assignment, or a comment. */
const CONTROL =
  /^(?:\{%|\{#|<%(?![=-]?=)|\{\{-?\s*(?:if|else|end|range|with|define|block|template|include|break|continue|\/\*|\$\w+\s*:?=)\b|\{\{-?\s*(?:\/\*|\$\w+\s*:?=))/;

/** Replaces the tags of a text; null if it has none. */
export function maskTags(text: string): MaskedTemplate | null {
  if (!/\{\{|\{%|<%/.test(text)) return null;
  const tags: [number, number][] = [];
  let masked = '';
  let done = 0;
  for (const [start, end] of tagsOf(text)) {
    const tag = text.slice(start, end);
    const lineStart = text.lastIndexOf('\n', start - 1) + 1;
    const before = text.slice(lineStart, start).trim();
    const isAlone = before === '' && /^[ \t\r]*(?:\n|$)/.test(text.slice(end, end + 200));
    const isComment = before.startsWith('#');
    if (!isComment) tags.push([start, end]);
    masked += text.slice(done, start) + tag.replace(/[^\n]/g, isComment || isAlone || CONTROL.test(tag) ? ' ' : 'x');
    done = end;
  }
  masked += text.slice(done);
  return tags.length === 0 ? null : { original: text, text: masked, tags };
}

/**
 * A placeholder that `envsubst`, a script or the user replaces: `${NAME}`, `$NAME`, `%%NAME%%`, `__NAME__`, `@NAME@`, `<name>`;
 * but not a group of a regular expression.
 */
const PLACEHOLDER =
  /[\s"'/.:]<[A-Za-z][\w .-]*>|\$\{?[A-Z][A-Z0-9_]+\b\}?|%%?[A-Z][A-Z0-9_]+%%?|\b__[A-Za-z0-9_]+__\b|@[A-Z][A-Z0-9_]+@/;

/** Returns the template of a file: undefined if the file is not a template, null if it has no tags. */
export type TemplateLookup = (path: string) => MaskedTemplate | null | undefined;

/** Findings that hold whatever the placeholders of templates stand for, with the original texts of the templates. */
export function withoutPlaceholders(findings: readonly Finding[], templateOf: TemplateLookup): readonly Finding[] {
  const originals = new Map<string, Source>();
  return findings
    .filter((finding) => {
      const template = finding.at === null ? undefined : templateOf(finding.at.source.name);
      return template === undefined || !isAboutPlaceholder(finding, template);
    })
    .map((finding) => withOriginalText(finding, templateOf, originals));
}

/**
 * A finding with the original text at its places and in its edits, and with tags instead of their replacements in its sentences.
 *
 * @param originals sources with the original texts by path, which are added as needed
 */
function withOriginalText(finding: Finding, templateOf: TemplateLookup, originals: Map<string, Source>): Finding {
  const others = [...(finding.related ?? []), ...(finding.fix?.edits ?? [])].map(({ at }) => at);
  const spans = [finding.at, ...others, ...(finding.includedFrom ?? [])];
  const used = new Set(spans.flatMap((span) => (span === null ? [] : (templateOf(span.source.name) ?? []))));
  if (used.size === 0) return finding;
  const placed = (span: Span): Span => {
    const { name } = span.source;
    const template = templateOf(name) ?? null;
    if (template === null) return span;
    const source = originals.get(name) ?? { name, text: template.original };
    originals.set(name, source);
    return { ...span, source };
  };
  const tags = [...used].flatMap((each) => each.tags.map(([start, end]) => each.original.slice(start, end)));
  const written = (text: string): string =>
    text.replace(/x{5,}/g, (mask) => tags.find(({ length }) => length === mask.length) ?? mask);
  const { at, message, help, related, includedFrom, fix, ...kept } = finding;
  return {
    ...kept,
    at: at === null ? null : placed(at),
    message: written(message),
    ...(help !== undefined && { help: written(help) }),
    ...(related !== undefined && { related: related.map((each) => ({ ...each, at: placed(each.at) })) }),
    ...(includedFrom !== undefined && { includedFrom: includedFrom.map(placed) }),
    ...(fix !== undefined &&
      !isAboutTags(fix, templateOf) && {
        fix: { ...fix, edits: fix.edits.map((edit) => ({ ...edit, at: placed(edit.at) })) },
      }),
  };
}

/** Whether a fix would remove a tag, or write the replacement of one. */
function isAboutTags({ edits }: Fix, templateOf: TemplateLookup): boolean {
  return edits.some(({ at, text }) =>
    templateOf(at.source.name)?.tags.some(
      ([start, end]) => (start < at.end && end > at.start) || text.includes('x'.repeat(end - start)),
    ),
  );
}

/**
 * Codes of findings that compare statements, which may belong to alternative branches of a template, or that depend on the
 * enclosing block, because a template's definitions may be inserted elsewhere.
 */
const BRANCHES =
  /^(?:duplicate-|conflicting-directives|server-never-selected|location-(?:shadowed|never)|unreachable-|wrong-context)/;

/** Codes of findings about the name of a directive, whatever its arguments are. */
const OF_NAMES: ReadonlySet<string> = new Set(['unknown-directive', 'nginx-only-directive']);

/** Whether a finding about a template may be due to its placeholders or branches. */
function isAboutPlaceholder({ code, at, related = [] }: Finding, template: MaskedTemplate | null): boolean {
  if (at === null) return false;
  if (template !== null && BRANCHES.test(code)) return true;
  return [at, ...related.map((each) => each.at)].some((span) => {
    const [start, end] = OF_NAMES.has(code) ? [span.start, span.end] : statementAround(span);
    if (PLACEHOLDER.test(span.source.text.slice(start, end))) return true;
    return span.source === at.source && template?.tags.some(([from, to]) => from < end && to > start) === true;
  });
}

/** Offsets of the statement, or of the head of the block, at a place. */
function statementAround({ source: { text }, start, end }: Span): [number, number] {
  const before = withoutBraces(text.slice(Math.max(0, start - 4000), start));
  const after = withoutBraces(text.slice(end, end + 4000));
  const from = Math.max(before.lastIndexOf(';'), before.lastIndexOf('{'), before.lastIndexOf('}')) + 1;
  const to = after.search(/[;{}]/);
  return [start - before.slice(from).trimStart().length, end + (to === -1 ? after.length : to)];
}

/** Replaces the braces of `${NAME}`, which are not those of a block. */
function withoutBraces(text: string): string {
  return text.replace(/\$\{(\w+)\}/g, '$_$1_');
}
