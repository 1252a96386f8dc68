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

/** One line for notices with the same text; those that need an action of the user last. */
export function noticeLines(notices: readonly Notice[], style: Style): string[] {
  const groups = new Map<string, Notice[]>();
  for (const notice of notices) {
    const key = `${notice.warning === true} ${notice.text}`;
    groups.set(key, [...(groups.get(key) ?? []), notice]);
  }
  const lines = [...groups.values()].map((group) => {
    const named = group.slice(0, MAX_SUBJECTS).map(({ subject }) => visibleText(subject));
    const more = group.length > MAX_SUBJECTS ? ` and ${group.length - MAX_SUBJECTS} more` : '';
    const [first] = group;
    return { warns: first?.warning === true, text: `  ${named.join(', ')}${more}: ${visibleText(first?.text ?? '')}` };
  });
  return [
    ...lines.filter(({ warns }) => !warns).map(({ text }) => style.faint(text)),
    ...lines.filter(({ warns }) => warns).map(({ text }) => style.warning(text)),
  ];
}
