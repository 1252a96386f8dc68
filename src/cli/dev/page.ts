/** Pages of `tsproxy dev` itself. They load nothing, and contain no text of the client unescaped. */
import { createHash } from 'node:crypto';
import { escapeHtml } from '../../http/html-escape.js';

/** Maximum length of a text on a page, in characters. */
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
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** A page; `body` is HTML, the other texts are escaped. */
export function page(status: number, title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
<main>
<p class="status">${status}</p>
<h1>${escapeHtml(title)}</h1>
${body}
</main>
</html>
`;
}

/** Text for a page: one line without control characters, of a limited length. */
export function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}
