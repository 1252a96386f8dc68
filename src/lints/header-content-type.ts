import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';

export default defineLint({
  code: 'header-content-type',
  severity: 'warning',
  on: 'add_header',
  story:
    '`add_header` adds a second `Content-Type` beside the one that the answer has already; which of both counts is for the client to guess. `default_type` says what an answer of the location is, with an empty `types { }` for files as well; what an upstream has sent is taken away with `proxy_hide_header Content-Type`.',
  check(c) {
    for (const { scope, statement } of c.written('add_header')) {
      const { name, args } = statement;
      if (args[0]?.text.toLowerCase() !== 'content-type') continue;
      const hides = ['proxy', 'fastcgi', 'uwsgi', 'scgi', 'grpc'].some((prefix) =>
        scope.effective(`${prefix}_hide_header`).some((hide) => hide.args[0]?.text.toLowerCase() === 'content-type'),
      );
      // An answer without a body has no type of its own.
      if (hides || scope.own('return').some(({ args: [code] }) => /^(?:204|304|444)$/.test(code?.text ?? ''))) continue;
      const passes = passesIn(scope).length > 0;
      const value = args[1]?.text ?? '';
      const simple = /^[\w./+-]+$/.test(value) && !passes;
      c.report(args[0], '"add_header" adds a second Content-Type', {
        help: passes
          ? 'hide what the upstream sends first: proxy_hide_header Content-Type;'
          : 'say what the answer is with default_type',
        ...(simple && {
          fix: {
            title: `write default_type ${value}`,
            guess: true,
            edits: [
              {
                at: { source: name.source, start: name.start, end: args[1]?.end ?? name.end },
                text: `default_type ${value}`,
              },
            ],
          },
        }),
      });
    }
  },
});
