import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'connection-upgrade-literal',
  severity: 'warning',
  on: 'proxy_set_header',
  story:
    'The word `connection_upgrade` without its `$` is sent as it is: a field value that no back end understands, and no WebSocket is opened.',
  check(c) {
    for (const scope of c.main.all()) {
      for (const { args } of scope.own('proxy_set_header')) {
        const [name, value] = args;
        if (value === undefined || !/^(?:connection|upgrade)$/i.test(name?.text ?? '')) continue;
        if (!/^(?:connection_upgrade|http_connection|http_upgrade)$/.test(value.text)) continue;
        c.report(value, `"${value.text}" is sent literally: the "$" is missing`, {
          help: `write $${value.text}`,
          fix: { title: `write $${value.text}`, edits: [{ at: value, text: `$${value.text}` }] },
        });
      }
    }
  },
});
