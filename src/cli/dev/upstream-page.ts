/**
 * Page for a request that could not be passed to its upstream: which one, where it is configured, and the option that names
 * another server.
 */
import { escapeHtml } from '../../http/html-escape.js';
import { page, shown } from './page.js';

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

/** The page as HTML. */
export function upstreamPage(content: MissingUpstream): string {
  const { status, place, options } = content;
  const upstream = shown(content.upstream);
  const rows = [['Upstream', upstream], ...(place === '' ? [] : [['Configured at', shown(place)]])].map(
    ([name = '', value = '']) => `<dt>${name}</dt><dd><code>${escapeHtml(value)}</code></dd>`,
  );
  return page(
    status,
    `${upstream} cannot be reached`,
    `<p>${escapeHtml(shown(content.reason))}</p>
<dl>
${rows.join('\n')}
</dl>
<h2>Start that server, or name another one</h2>
${options.map((option) => `<pre>tsproxy dev … ${escapeHtml(shown(option))}</pre>`).join('\n<p>or</p>\n')}
<p><a href="">Try again</a></p>
<footer>This page is shown by <code>tsproxy dev</code> only. In production the client gets ${status}.</footer>`,
  );
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
