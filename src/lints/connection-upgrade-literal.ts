import { defineLint } from './engine/lint.js';

const VARIABLES = new Set(['connection_upgrade', 'http_connection', 'http_upgrade']);

export default defineLint({
  code: 'connection-upgrade-literal',
  severity: 'warning',
  on: '*_upgrade *http_connection',
  story:
    'The word `connection_upgrade` without its `$` is sent literally: no back end understands this field value, and no WebSocket is opened.',
  check(c) {
    for (const { statement } of c.written('proxy_set_header')) {
      const [name, value] = statement.args;
      if (value === undefined || !VARIABLES.has(value.text) || !/^(?:connection|upgrade)$/i.test(name?.text ?? ''))
        continue;
      c.report(value, `"${value.text}" is sent literally: the "$" is missing`, {
        help: `write $${value.text}`,
        fix: { title: `write $${value.text}`, edits: [{ at: value, text: `$${value.text}` }] },
      });
    }
  },
});
