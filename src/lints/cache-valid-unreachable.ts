import type { Word } from '../../grammar/syntax-tree.js';
import { defineLint } from './engine/lint.js';

/** Statuses of a `proxy_cache_valid` that names none, as in nginx. */
const DEFAULT_STATUSES = ['200', '301', '302'];

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
        const isWritten = args.length > 1;
        const statuses = isWritten
          ? args.slice(0, -1).map((at) => [at.text, at] as const)
          : DEFAULT_STATUSES.map((text) => [text, time] as const);
        const covered = statuses.flatMap(([text, at]) => {
          const by = seen.get('any') ?? seen.get(text);
          return by === undefined ? [] : [{ text, at, by }];
        });
        if (isWritten) {
          for (const { text, at, by } of covered) {
            c.report(at, `the time for "${text}" has no effect`, {
              help:
                by.text === 'any'
                  ? 'the first match applies; write "any" last'
                  : 'the first match applies; remove one of them',
              related: [{ at: by, message: 'this one applies' }],
            });
          }
        } else if (covered.length === statuses.length) {
          c.report(time, 'this time has no effect', {
            help: 'the first match applies, and others name 200, 301 and 302 before',
            related: [{ at: covered.at(-1)?.by ?? time, message: 'this one applies' }],
          });
        }
        for (const [text, at] of statuses) if (!seen.has(text)) seen.set(text, at);
      }
    }
  },
});
