import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'error-log-off',
  severity: 'warning',
  on: 'error_log',
  story:
    '`error_log off` does not disable the log: it writes to a file named `off`. To discard the log, use `error_log /dev/null crit`; but without a log, failures are hard to diagnose.',
  check(c) {
    for (const scope of c.main.all()) {
      for (const { args } of scope.own('error_log')) {
        const [target] = args;
        if (target?.text !== 'off') continue;
        c.report(target, '"error_log off" writes to a file named "off"', {
          help: 'error_log has no "off"; to discard almost everything, write: error_log /dev/null crit;',
          ...(args.length === 1 && {
            fix: { title: 'write /dev/null crit', edits: [{ at: target, text: '/dev/null crit' }] },
          }),
        });
      }
    }
  },
});
