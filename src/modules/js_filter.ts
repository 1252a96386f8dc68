/** njs's `js_header_filter` and `js_body_filter`: functions that change responses. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom } from '../config/argument-types.js';
import type { Context } from '../config/directive.js';
import { defineModule } from '../program/module.js';
import { checkFunctions } from '../scripting/check-functions.js';
import { type FunctionName, functionName, IMPORTS_MAIN, parseFunctionName } from '../scripting/function-name.js';
import { type BufferType, scriptBodyFilter, scriptHeaderFilter } from '../scripting/response-filters.js';
import { scriptsOf } from '../scripting/scripts.js';

const LOCATIONS = ['location', 'if in location', 'limit_except'] as const satisfies readonly Context[];

interface BodyFilterData {
  readonly function: FunctionName;
  readonly type: BufferType;
}

const bodyFilter = custom('module.function [buffer_type=string | buffer]', 1, 2, (words, c): BodyFilterData => {
  const [fn, option] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  const type = option === undefined ? 'string' : /^buffer_type=(string|buffer)$/.exec(option.text)?.[1];
  if (type === undefined && option !== undefined) {
    const [, value] = /^buffer_type=(.*)$/s.exec(option.text) ?? [];
    const message = value === undefined ? `invalid parameter "${option.text}"` : `invalid buffer_type value "${value}"`;
    c.fail(option, 'invalid-value', `${message}, it must be "string" or "buffer"`);
  }
  return { function: parseFunctionName(fn, c), type: type === 'buffer' ? 'buffer' : 'string' };
});

export default defineModule({
  name: 'js_filter',
  doc: 'Functions of scripts that change the heads and bodies of responses.',
  directives: {
    js_header_filter: {
      contexts: LOCATIONS,
      takes: functionName,
      doc: 'The function changes the head of a response before it is sent: `r.status`, `r.headersOut`. It is called for responses of any origin, and before `add_header` and the content codings. It must not wait. If it fails the response is 500, or passes unchanged with `js_timeout … fail=open`.',
      example: 'js_header_filter main.secure;',
      exampleNeeds: IMPORTS_MAIN,
    },
    js_body_filter: {
      contexts: LOCATIONS,
      takes: bodyFilter,
      doc: 'The function is called with each part of the body of a response, `(r, data, flags)`, and with an empty one for which `flags.last` is true at the end. It sends data by `r.sendBuffer(data, flags)`, independently of the parts that arrive; after `r.done()` it is not called again. Data are strings in UTF-8, or buffers with `buffer_type=buffer`; a character that arrives in two parts is passed with the second. It must not wait. If the length of the body changes, a `js_header_filter` must delete `Content-Length`; otherwise the connection is closed. If the function fails, the response ends early.',
      differs: 'A character that is split between two parts is not replaced by U+FFFD.',
      differsFor: () => false,
      example: 'js_body_filter main.mask buffer_type=string;',
      exampleNeeds: IMPORTS_MAIN,
    },
  },
  check(block, c) {
    checkFunctions(block, c, { js_header_filter: 0, js_body_filter: 0 });
  },
  // As in nginx, filters of third-party modules run before `add_header`.
  headerFilter: {
    order: 15,
    compile: ({ js_header_filter: name }, { block, compiler }) => {
      if (name === undefined) return null;
      const scripts = scriptsOf(compiler);
      return scriptHeaderFilter(scripts.function(block, name, 'js_header_filter'), scripts);
    },
  },
  bodyFilter: {
    order: 15,
    compile: ({ js_body_filter: data }, { block, compiler }) => {
      if (data === undefined) return null;
      const scripts = scriptsOf(compiler);
      return scriptBodyFilter(scripts.function(block, data.function, 'js_body_filter'), scripts, data.type);
    },
  },
});
