/** nginx's `ngx_http_ssi_filter_module`: server-side includes. */
import { flag, size } from '../../config/argument-types.js';
import type { Context } from '../../config/directive.js';
import { mediaTypes, mediaTypeTest } from '../../config/media-types.js';
import type { Exchange } from '../../program/exchange.js';
import { defineModule } from '../../program/module.js';
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
    // A response that was replaced may have set one.
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
  doc: `Executes SSI (server-side includes) commands in responses: \`<!--#include virtual="/footer.html" -->\`.

- \`include\`: \`virtual\` or \`file\` is the URI whose response is inserted; several includes are requested concurrently. \`wait="yes"\` suspends processing of the page until the response is complete, \`set="name"\` stores the response in a variable, \`stub="name"\` specifies a block that is used if the response is empty or an error.
- \`echo\`: outputs the variable \`var\`, or \`default\` if it is undefined; \`encoding\` is \`entity\` (the default), \`url\` or \`none\`.
- \`set\`: assigns \`value\` to the variable \`var\`.
- \`config\`: \`errmsg\` is output if a command fails; \`timefmt\` is the format of \`$date_local\` and \`$date_gmt\`.
- \`if\`, \`elif\`, \`else\`, \`endif\`: \`expr\` is \`$a\`, \`$a = text\`, \`$a != text\`, \`$a = /regex/\` or \`$a != /regex/\`.
- \`block\`, \`endblock\`: the text in between is output only where it is used as a stub.`,
  directives: {
    ssi: {
      contexts: [...CONTEXTS, 'if in location'],
      takes: flag,
      default: 'off',
      doc: 'Enables processing of SSI commands in responses. Such responses have no `Content-Length`, `Last-Modified` or `ETag`.',
      example: 'ssi on;',
    },
    ssi_silent_errors: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether nothing is output if a command fails, instead of `[an error occurred while processing the directive]`.',
      example: 'ssi_silent_errors on;',
    },
    ssi_types: {
      contexts: CONTEXTS,
      takes: mediaTypes,
      repeat: true,
      doc: 'Media types of responses in which commands are processed, in addition to `text/html`; `*` matches any type.',
      example: 'ssi_types text/xml;',
    },
    ssi_value_length: {
      contexts: CONTEXTS,
      takes: size,
      default: '256',
      doc: 'Maximum length of parameter values in commands.',
      example: 'ssi_value_length 1k;',
    },
    ssi_last_modified: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      doc: 'Whether `Last-Modified` of the page is kept, and `ETag` as a weak one. Otherwise both are removed, because included content can change independently.',
      example: 'ssi_last_modified on;',
    },
    ssi_min_file_chunk: {
      contexts: CONTEXTS,
      takes: size,
      default: '1k',
      noEffect: 'Responses are processed in memory, so a file is always read.',
      doc: 'In nginx, the minimum size of parts of a response that are sent with `sendfile`.',
      example: 'ssi_min_file_chunk 1k;',
    },
    ssi_ignore_recycled_buffers: {
      contexts: CONTEXTS,
      takes: flag,
      default: 'off',
      noEffect: 'There are no recycled buffers.',
      doc: 'In nginx, whether recycled buffers are ignored.',
      example: 'ssi_ignore_recycled_buffers on;',
    },
  },
  variables: {
    date_local: {
      get: (x) => strftime(x.state(SSI)?.timeFormat ?? DEFAULT_FORMAT, new Date(), false),
      doc: 'Local time in the format of the SSI command `config timefmt`.',
    },
    date_gmt: {
      get: (x) => strftime(x.state(SSI)?.timeFormat ?? DEFAULT_FORMAT, new Date(), true),
      doc: 'Time in GMT in the format of the SSI command `config timefmt`.',
    },
  },
  headerFilter: {
    order: 40,
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
  bodyFilter: { order: 40, compile: (conf) => (conf.ssi ? (x) => x.state(SSI) ?? null : null) },
});
