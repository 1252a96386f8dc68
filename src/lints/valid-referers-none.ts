import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'valid-referers-none',
  severity: 'hint',
  on: 'valid_referers',
  story:
    '`valid_referers none` lets requests without a `Referer` through. A page elsewhere has it left out with one attribute (`referrerpolicy="no-referrer"`), so the list keeps out nobody who does not want to be kept out. Against forged requests only a token helps; against foreign pages that show your pictures, leave `none` away if you can do without those who send none.',
  check(c) {
    for (const { statement } of c.written('valid_referers')) {
      const { args } = statement;
      const none = args.find(({ text }) => text === 'none');
      if (none === undefined) continue;
      c.report(none, '"none" lets every request through that leaves its Referer out', {
        help: 'a page can have browsers leave it out; it keeps out accidents only',
      });
    }
  },
});
