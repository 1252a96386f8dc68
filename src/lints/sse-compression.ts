import { eventLocations } from './engine/events.js';
import { defineLint } from './engine/lint.js';
import { titleOf } from './engine/scope.js';

export default defineLint({
  code: 'sse-compression',
  severity: 'hint',
  on: 'gzip_types brotli_types zstd_types',
  story:
    'Streams of server-sent events are compressed. Each stream occupies a compressor while it is open: about 264 KiB with gzip, more with other codings. The compressors of one worker may use 256 MiB: beyond that, responses of any type are sent uncompressed. Events are short, so that compression saves little. Compress them only if there are few clients, with `gzip_window` and `gzip_hash` set to small sizes.',
  check(c) {
    for (const { scope, because, sign } of eventLocations(c)) {
      for (const coding of ['gzip', 'brotli', 'zstd']) {
        if (scope.value(coding)?.toLowerCase() !== 'on') continue;
        const type = scope
          .effective(`${coding}_types`)
          .flatMap(({ args }) => args)
          .find(({ text }) => text === '*' || text.toLowerCase() === 'text/event-stream');
        if (type === undefined) continue;
        c.report(type, `each event stream of "${titleOf(scope.within('location') ?? scope)}" occupies a compressor`, {
          help: `write ${coding} off; in this location`,
          related: [{ at: sign, message: `events are expected here: ${because}` }],
        });
      }
    }
  },
});
