/**
 * Page for a request that could not be passed to its upstream: which one, where it is configured, and the option that names
 * another server. It loads nothing, and contains no text of the client unescaped.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from '../../http/html-escape.js';

/** Content of the page. Texts may contain bytes of a request, such as the host of `proxy_pass http://$host`. */
export interface MissingUpstream {
  readonly status: number;
  /** Name of the `upstream` block, or host and port. */
  readonly upstream: string;
  /** A sentence: `Nothing listens on 127.0.0.1:3000.` */
  readonly reason: string;
  /** `nginx.conf:12`; empty if it is not known. */
  readonly place: string;
  /** Options that name other servers, the most suitable first: `--upstream app=localhost:3000`. */
  readonly options: readonly string[];
}

/** Maximum length of a text on the page, in characters. */
const MAX_TEXT = 300;

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#171a26, #eceef6); --soft: light-dark(#4d5468, #b3bacc); --line: light-dark(#e3e6ee, #262b39); --card: light-dark(#ffffff, #161923); --ground: light-dark(#f5f6fa, #0e1017); --accent: light-dark(#4f46e5, #a5a0ff); --bad: light-dark(#c11f1f, #fb8585); }
* { box-sizing: border-box; }
body { margin: 0; padding: 6vh 5vw; background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; }
.status { margin: 0; color: var(--bad); font-weight: 600; }
h1 { margin: 0.2rem 0 0.6rem; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2rem 0 0.4rem; font-size: 1.05rem; }
p { margin: 0.4rem 0; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.2rem; margin: 1.4rem 0; padding: 1rem 0; border: solid var(--line); border-width: 1px 0; }
dt { color: var(--soft); }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
code, pre { font: 0.92em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: 0.5rem 0; padding: 0.7rem 0.9rem; border: 1px solid var(--line); border-radius: 6px; background: var(--card); white-space: pre-wrap; overflow-wrap: anywhere; }
a { color: var(--accent); }
footer { margin-top: 2.4rem; color: var(--soft); font-size: 0.9rem; }
@media (max-width: 30rem) { body { padding: 1.5rem 1rem; } h1 { font-size: 1.3rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 0.6rem; } }
`;

/** `Content-Security-Policy` of the page: nothing but its own style is used, whatever the site's own policy allows. */
export const UPSTREAM_PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** The page as HTML. */
export function upstreamPage(content: MissingUpstream): string {
  const { status, place, options } = content;
  const upstream = shown(content.upstream);
  const rows = [['Upstream', upstream], ...(place === '' ? [] : [['Configured at', shown(place)]])].map(
    ([name = '', value = '']) => `<dt>${name}</dt><dd><code>${escapeHtml(value)}</code></dd>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(upstream)} cannot be reached</title>
<style>${STYLE}</style>
<main>
<p class="status">${status}</p>
<h1>${escapeHtml(upstream)} cannot be reached</h1>
<p>${escapeHtml(shown(content.reason))}</p>
<dl>
${rows.join('\n')}
</dl>
<h2>Start that server, or name another one</h2>
${options.map((option) => `<pre>tsproxy dev … ${escapeHtml(shown(option))}</pre>`).join('\n<p>or</p>\n')}
<p><a href="">Try again</a></p>
<footer>This page is shown by <code>tsproxy dev</code> only. In production the client gets ${status}.</footer>
</main>
</html>
`;
}

/** The same as text, for other clients than browsers. */
export function upstreamText(content: MissingUpstream): string {
  const { status, upstream, reason, place, options } = content;
  return [
    `${status}: ${shown(upstream)} cannot be reached. ${shown(reason)}`,
    ...(place === '' ? [] : [`It is configured at ${shown(place)}.`]),
    'Start that server, or name another one:',
    ...options.map((option) => `  tsproxy dev … ${shown(option)}`),
    '',
  ].join('\n');
}

/** One line without control characters, of a limited length. */
function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}
