/** nginx's `ngx_http_ssi_filter_module`: server side includes. */
import { flag, size } from '../../config/argument-types.js';
import type { Context } from '../../config/directive.js';
import { mediaTypes, mediaTypeTest } from '../../config/media-types.js';
import type { Exchange } from '../../exchange/exchange.js';
import { defineModule } from '../../exchange/module.js';
import { SSI, SsiFilter, type SsiRules } from './filter.js';
import { strftime } from './strftime.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const HTML = [['text/html']];
const DEFAULT_FORMAT = '%A, %d-%b-%Y %H:%M:%S %Z';

interface HeadRules extends SsiRules {
  readonly lastModified: boolean;
  readonly covers: (contentType: string) => boolean;
}

function prepare(x: Exchange, rules: HeadRules): void {
  const { response } = x;
  if (response.contentLength === 0 || !rules.covers(response.contentType ?? '')) {
    // An answer that was replaced may have left one.
    if (x.state(SSI) !== undefined) x.setState(SSI, null);
    return;
  }
  x.setState(SSI, new SsiFilter(x, rules));
  response.seekable = false;
  if (x.nested !== null) return;
  response.contentLength = -1;
  response.remove('accept-ranges');
  x.allowRanges = false;
  if (rules.lastModified) response.weakenEtag();
  else {
    response.lastModified = null;
    response.modifiedAt = -1;
    response.etag = null;
  }
}

export default defineModule({
  name: 'ssi',
  doc: `Carries out the commands of server side includes that stand in an answer: \`<!--#include virtual="/footer.html" -->\`.

- \`include\`: \`virtual\` or \`file\` is the URI whose answer is put in this place; several are asked for side by side. \`wait="yes"\` has the page wait for it, \`set="name"\` keeps the answer in a variable, \`stub="name"\` names a block that is used where the answer is empty or an error.
- \`echo\`: puts out the variable \`var\`, or else \`default\`; \`encoding\` is \`entity\` (the default), \`url\` or \`none\`.
- \`set\`: gives the variable \`var\` the \`value\`.
- \`config\`: \`errmsg\` is put out where a command fails; \`timefmt\` is how \`$date_local\` and \`$date_gmt\` are written.
- \`if\`, \`elif\`, \`else\`, \`endif\`: \`expr\` is \`$a\`, \`$a = text\`, \`$a != text\`, \`$a = /regex/\` or \`$a != /regex/\`.
- \`block\`, \`endblock\`: what stands between is put out only where it is a stub.`,
  directives: {
    ssi: {
      contexts: [...CONTEXTS, 'if in location'],
      takes: flag,
      default: 'off',
      doc: 'Whether the commands in answers are carried out. Such an answer has no length, `Last-Modified` or `ETag`.',
      example: 'ssi on;',
    },
    ssi_silent_errors: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether nothing is put out where a command fails, instead of `[an error occurred while processing the directive]`.',
      example: 'ssi_silent_errors on;',
    },
    ssi_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'The media types of answers in which commands are looked for, beside `text/html`; `*` stands for all.',
      example: 'ssi_types text/xml;',
    },
    ssi_value_length: {
      contexts: CONTEXTS,
      takes: size,
      default: '256',
      doc: 'How long the value of a parameter of a command may be.',
      example: 'ssi_value_length 1k;',
    },
    ssi_last_modified: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether `Last-Modified` of the page is kept, and its `ETag` as a weak one. Otherwise both are taken away, since what is included changes by itself.',
      example: 'ssi_last_modified on;',
    },
    ssi_min_file_chunk: {
      contexts: CONTEXTS,
      takes: size,
      default: '1k',
      noEffect: 'Commands are looked for in memory, so a file is always read.',
      doc: 'In nginx, the size from which a part of a page is sent with `sendfile`.',
      example: 'ssi_min_file_chunk 1k;',
    },
    ssi_ignore_recycled_buffers: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      noEffect: 'There are no such buffers.',
      doc: 'In nginx, whether buffers may be used again at once.',
      example: 'ssi_ignore_recycled_buffers on;',
    },
  },
  variables: {
    date_local: {
      get: (x) => strftime(x.state(SSI)?.timeFormat ?? DEFAULT_FORMAT, new Date(), false),
      doc: 'The local time, as the SSI command `config timefmt` says.',
    },
    date_gmt: {
      get: (x) => strftime(x.state(SSI)?.timeFormat ?? DEFAULT_FORMAT, new Date(), true),
      doc: 'The time in Greenwich, as the SSI command `config timefmt` says.',
    },
  },
  headerFilter: {
    order: 40,
    pure: true,
    compile(conf, { compiler }) {
      if (!conf.ssi) return null;
      const rules: HeadRules = {
        silentErrors: conf.ssi_silent_errors,
        valueLength: conf.ssi_value_length,
        lastModified: conf.ssi_last_modified,
        covers: mediaTypeTest(conf.ssi_types.length === 0 ? HTML : conf.ssi_types),
        lookup: (name) => compiler.lookup(name),
      };
      return (x) => prepare(x, rules);
    },
  },
  bodyFilter: { order: 40, pure: true, compile: (conf) => (conf.ssi ? (x) => x.state(SSI) ?? null : null) },
});
