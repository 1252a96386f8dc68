import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'cache-valid-unreachable',
  severity: 'warning',
  on: 'proxy_cache_valid',
  story:
    'The first `proxy_cache_valid` of a block that names the status of a response applies, and `any` stands for all statuses: a second time for the same status, and a directive after one with `any`, has no effect. Remove one of them, or write `any` last.',
  check(c) {
    const blocks = new Set(c.written('proxy_cache_valid').map(({ scope }) => scope));
    for (const scope of blocks) {
      const seen = new Map<string, Word>();
      for (const { args } of scope.own('proxy_cache_valid')) {
        const time = args.at(-1);
        if (time === undefined) continue;
        // Without a status it applies to these (nginx's list).
        const statuses =
          args.length > 1
            ? args.slice(0, -1).map((at) => [at.text, at] as const)
            : ['200', '301', '302'].map((text) => [text, time] as const);
        let covered = 0;
        let cover: Word | undefined;
        for (const [text] of statuses) {
          const before = seen.get('any') ?? seen.get(text);
          if (before === undefined) continue;
          covered++;
          cover = before;
        }
        const isWritten = args.length > 1;
        for (const [text, at] of statuses) {
          const before = seen.get('any') ?? seen.get(text);
          if (before !== undefined && isWritten) {
            c.report(at, `the time for "${text}" has no effect`, {
              help:
                before.text === 'any'
                  ? 'the first match applies; write "any" last'
                  : 'the first match applies; remove one of them',
              related: [{ at: before, message: 'this one applies' }],
            });
          }
        }
        if (!isWritten && covered === statuses.length && cover !== undefined) {
          c.report(time, 'this time has no effect', {
            help: 'the first match applies, and others name 200, 301 and 302 before',
            related: [{ at: cover, message: 'this one applies' }],
          });
        }
        for (const [text, at] of statuses) if (!seen.has(text)) seen.set(text, at);
      }
    }
  },
});
