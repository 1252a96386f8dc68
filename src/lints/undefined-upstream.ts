import { isOneSlip, nearest } from '../diagnostics/nearest.js';
import { defineLint } from './engine/lint.js';
import { passesOf } from './engine/pass.js';

export default defineLint({
  code: 'undefined-upstream',
  severity: 'warning',
  absence: true,
  on: 'upstream',
  story:
    'Requests are passed to a name that no `upstream` has, but a similar one exists. The name is then resolved as a host name, and nginx does not start if it has no address.',
  check(c) {
    const names = c.scopes('upstream').flatMap(({ opener }) => opener?.args[0] ?? []);
    if (names.length === 0) return;
    const upstreams = new Map(names.map((word) => [word.text.toLowerCase(), word]));
    for (const scope of [...c.scopes('location'), ...c.scopes('if')]) {
      for (const { word, host, port } of passesOf(scope)) {
        const name = host.toLowerCase();
        // Host names have dots or a port, or differ only in a number.
        if (port !== '' || !/^[a-z][\w-]{3,}$/.test(name) || upstreams.has(name) || name === 'localhost') continue;
        const [meant] = nearest(name, upstreams.keys());
        if (meant === undefined || !isOneSlip(name, meant, upstreams.keys())) continue;
        if (name.replace(/[\d_-]+$/, '') === meant.replace(/[\d_-]+$/, '')) continue;
        const at = upstreams.get(meant);
        const start = word.text.toLowerCase().indexOf(name) + word.start + (word.quote === '' ? 0 : 1);
        const span = { source: word.source, start, end: start + name.length };
        c.report(span, `no upstream is called "${host}"; it is resolved as a host name`, {
          help: `did you mean "${at?.text ?? meant}"?`,
          fix: { title: `write ${at?.text ?? meant}`, guess: true, edits: [{ at: span, text: at?.text ?? meant }] },
          ...(at !== undefined && { related: [{ at, message: 'this one has a similar name' }] }),
        });
      }
    }
  },
});
