import { defineLint } from './engine/lint.js';
import { passesIn } from './engine/pass.js';

export default defineLint({
  code: 'header-content-type',
  severity: 'warning',
  on: 'add_header',
  story:
    '`add_header` adds a second `Content-Type` to a response that already has one; clients may use either. `default_type` sets the type of responses of the location, with an empty `types { }` for files as well; `proxy_hide_header Content-Type` removes the one sent by an upstream server.',
  check(c) {
    for (const { scope, statement } of c.written('add_header')) {
      const { name, args } = statement;
      if (args[0]?.text.toLowerCase() !== 'content-type') continue;
      const hides = ['proxy', 'fastcgi', 'uwsgi', 'scgi', 'grpc'].some((prefix) =>
        scope.effective(`${prefix}_hide_header`).some((hide) => hide.args[0]?.text.toLowerCase() === 'content-type'),
      );
      // A response without a body has no Content-Type of its own.
      if (hides || scope.own('return').some(({ args: [code] }) => /^(?:204|304|444)$/.test(code?.text ?? ''))) continue;
      const passes = passesIn(scope).length > 0;
      const value = args[1]?.text ?? '';
      const simple = /^[\w./+-]+$/.test(value) && !passes;
      c.report(args[0], '"add_header" adds a second Content-Type', {
        help: passes
          ? 'hide the one sent by the upstream server first: proxy_hide_header Content-Type;'
          : 'set the type of the response with default_type',
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
