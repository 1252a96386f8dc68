/** `error_page` and other directives for error responses. */

import type { Word } from '../../../grammar/syntax-tree.js';
import { custom, flag } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { parseInteger } from '../../config/units.js';
import { LOG_NOT_FOUND } from '../../exchange/file-settings.js';
import type { Scope } from '../../program/module.js';
import type { ErrorPage } from '../../program/settings.js';

export interface ErrorPageData {
  readonly statuses: readonly number[];
  /** As in `ErrorPage`. */
  readonly answer: number;
  readonly target: TemplateData;
}

function parseErrorPage(words: readonly Word[], c: ArgumentContext): ErrorPageData {
  const target = words.at(-1) as Word; // at least two words: `min`
  const last = words.at(-2) as Word;
  let answer = -1;
  let codes = words.slice(0, -1);
  if (last.text.startsWith('=')) {
    codes = codes.slice(0, -1);
    answer = last.text === '=' ? 0 : (parseInteger(last.text.slice(1)) ?? -1);
    if (codes.length === 0 || answer < 0) {
      c.fail(last, 'invalid-value', `invalid value "${last.text}"`, {
        help: 'syntax: error_page code ... [=[response]] uri;',
      });
    }
  }
  return { statuses: codes.map((word) => parseStatus(word, c)), answer, target: parseTemplate(target, c) };
}

function parseStatus(word: Word, c: ArgumentContext): number {
  const status = parseInteger(word.text);
  if (status === null || status === 499) {
    return c.fail(word, 'invalid-value', `invalid value "${word.text}"`, {
      ...(status === 499 && { help: '499 means that the client has closed the connection' }),
    });
  }
  if (status < 300 || status > 599) {
    c.fail(word, 'invalid-value', `value "${word.text}" must be between 300 and 599`);
  }
  return status;
}

const CONTEXTS = ['http', 'server', 'location'] as const;

export const errorPageDirectives = {
  error_page: {
    contexts: [...CONTEXTS, 'if in location'],
    takes: custom('code ... [=[response]] uri', 2, Number.POSITIVE_INFINITY, parseErrorPage),
    repeat: true,
    doc: 'Replaces responses with these statuses by a URI of this server (an internal redirect), a named location (`@name`), or a redirect of the client to a URL. `=code` changes the status; `=` alone uses the status of the page. A block with `error_page` of its own inherits none.',
    example: 'error_page 500 502 503 504 /50x.html;',
  },
  recursive_error_pages: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether an error while an error page is processed is handled by `error_page` again.',
    example: 'recursive_error_pages on;',
  },
  log_not_found: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether missing files are logged.',
    example: 'log_not_found off;',
  },
  msie_padding: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    noEffect: 'The browsers that replace short error pages by their own are obsolete.',
    doc: 'In nginx, whether error pages are padded to 512 bytes for some browsers.',
    example: 'msie_padding off;',
  },
  msie_refresh: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: 'The browsers that need it are obsolete.',
    doc: 'In nginx, whether old browsers are sent pages with a refresh instead of redirects.',
    example: 'msie_refresh off;',
  },
} as const satisfies Directives;

/** nginx's internal statuses that are sent to clients as 400. */
const SENT_AS_400: ReadonlySet<number> = new Set([494, 495, 496, 497]);

export function applyErrorPages(conf: ConfOf<typeof errorPageDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.recursiveErrorPages = conf.recursive_error_pages;
  settings.set(LOG_NOT_FOUND, conf.log_not_found);
  if (conf.error_page.length === 0) return;
  const pages = new Map<number, ErrorPage>();
  for (const { statuses, answer, target } of conf.error_page) {
    const template = at.compiler.template(target);
    for (const status of statuses) {
      if (pages.has(status)) continue;
      const responseStatus = answer < 0 && SENT_AS_400.has(status) ? 400 : answer;
      pages.set(status, { responseStatus, target: template });
    }
  }
  settings.errorPages = pages;
}
