import { defineLint } from './engine/lint.js';

const MAP = "\n    map $http_upgrade $connection_upgrade {\n        default upgrade;\n        ''      '';\n    }\n";

export default defineLint({
  code: 'connection-upgrade-undefined',
  severity: 'error',
  on: '*connection_upgrade',
  story:
    '`$connection_upgrade` appears in every guide to WebSockets, but no module provides it: a `map` at `http` level has to define it. The fix adds it.',
  replaces: 'unknown-variable',
  check(c) {
    const message = 'unknown "connection_upgrade" variable';
    const uses = c.findings.filter(({ code, message: text }) => code === 'unknown-variable' && text === message);
    const http = c.scopes('http')[0]?.opener?.block;
    for (const [i, { at }] of uses.entries()) {
      if (at === null) continue;
      c.report(at, message, {
        help: "no module provides it; put this into http: map $http_upgrade $connection_upgrade { default upgrade; '' ''; }",
        // One map is enough for all uses.
        ...(i === 0 &&
          http !== undefined &&
          http !== null && {
            fix: {
              title: 'add the map',
              edits: [{ at: { source: http.source, start: http.start + 1, end: http.start + 1 }, text: MAP }],
            },
          }),
      });
    }
  },
});
