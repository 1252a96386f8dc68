/** The banner of the development view. */
import type { Style } from '../../diagnostics/style.js';
import { visibleText } from '../terminal-text.js';
import type { Notice, PreparedSite, Site } from './site.js';

/** Maximum number of URLs that are listed. */
const MAX_URLS = 20;

export const KEYS_TEXT = 'r reload, c clear, o open the console, q quit, h help';

export function banner(
  { title, command = 'tsproxy dev' }: Pick<Site, 'title' | 'command'>,
  { urls, notices, consoleUrl, watched }: PreparedSite,
  keys: boolean,
  style: Style,
): string {
  const width = Math.max(0, ...urls.slice(0, MAX_URLS).map(({ url }) => url.length));
  const lines = [
    '',
    `  ${style.strong(command)}  ${visibleText(title)}`,
    '',
    ...urls.slice(0, MAX_URLS).map(({ url, details }) => {
      const shown = visibleText(url);
      return `  ${style.strong(shown)}${details === '' ? '' : `${' '.repeat(width - url.length + 2)}${style.faint(visibleText(details))}`}`;
    }),
    ...(urls.length > MAX_URLS ? [`  and ${urls.length - MAX_URLS} more`] : []),
    ...(consoleUrl === null ? [] : ['', `  console  ${consoleUrl}`]),
    ...(notices.length === 0 ? [] : ['', ...noticeLines(notices, style)]),
    '',
    `  ${keys ? KEYS_TEXT : watched.size === 0 ? 'end with Ctrl-C' : 'end with Ctrl-C; saved changes are applied at once'}`,
    '',
    '',
  ];
  return lines.join('\n');
}

/** Subjects of notices with the same text that are named. */
const MAX_SUBJECTS = 3;
/** The same for those that need an action of the user. */
const MAX_WARNINGS = 10;

/** One line for notices with the same text, or with the same summary if they are many; those that need an action last. */
export function noticeLines(notices: readonly Notice[], style: Style): string[] {
  const counts = new Map<string, number>();
  for (const { summary } of notices) if (summary !== undefined) counts.set(summary, (counts.get(summary) ?? 0) + 1);
  const groups = new Map<string, { readonly warns: boolean; readonly text: string; readonly subjects: string[] }>();
  for (const { subject, text, summary, warning = false } of notices) {
    const shown = summary !== undefined && (counts.get(summary) ?? 0) > MAX_SUBJECTS ? summary : text;
    const key = `${warning} ${shown}`;
    const group = groups.get(key) ?? { warns: warning, text: shown, subjects: [] };
    groups.set(key, group);
    group.subjects.push(visibleText(subject));
  }
  const lines = [...groups.values()].map(({ warns, text, subjects }) => {
    const named = subjects.slice(0, warns ? MAX_WARNINGS : MAX_SUBJECTS);
    const more = subjects.length > named.length ? ` and ${subjects.length - named.length} more` : '';
    return { warns, text: `  ${named.join(', ')}${more}: ${visibleText(text)}` };
  });
  return [
    ...lines.filter(({ warns }) => !warns).map(({ text }) => style.faint(text)),
    ...lines.filter(({ warns }) => warns).map(({ text }) => style.warning(text)),
  ];
}
