import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'error-log-off',
  severity: 'warning',
  on: 'error_log',
  story:
    '`error_log off` does not switch the log off: it writes to a file of the name `off`. What is meant is `error_log /dev/null crit`, though a log that nobody keeps is missed when something breaks.',
  check(c) {
    for (const scope of c.main.all()) {
      for (const { args } of scope.own('error_log')) {
        const [target] = args;
        if (target?.text !== 'off') continue;
        c.report(target, '"error_log off" writes to a file named "off"', {
          help: 'error_log has no "off"; to keep next to nothing, write: error_log /dev/null crit;',
          ...(args.length === 1 && {
            fix: { title: 'write /dev/null crit', edits: [{ at: target, text: '/dev/null crit' }] },
          }),
        });
      }
    }
  },
});
