import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'valid-referers-none',
  severity: 'hint',
  on: 'valid_referers',
  story:
    '`valid_referers none` allows requests without a `Referer`. Any foreign page can suppress the field with one attribute (`referrerpolicy="no-referrer"`), so the list is easily bypassed. Against forged requests only a token helps; against hotlinking of images, remove `none` if clients that send no `Referer` may be blocked.',
  check(c) {
    for (const { statement } of c.written('valid_referers')) {
      const { args } = statement;
      const none = args.find(({ text }) => text === 'none');
      if (none === undefined) continue;
      c.report(none, '"none" allows every request without a Referer', {
        help: 'a page can make browsers omit it; the list stops only accidental use',
      });
    }
  },
});
