/** `error_page` and what else concerns answers that tell of an error. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom, flag } from '../../config/argument-types.js';
import type { ArgumentContext, ConfOf, Directives } from '../../config/directive.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { parseInteger } from '../../config/units.js';
import type { Scope } from '../../exchange/module.js';
import type { ErrorPage } from '../../exchange/program.js';

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
        help: 'it is written: error_page code ... [=[answer]] uri;',
      });
    }
  }
  return { statuses: codes.map((word) => parseStatus(word, c)), answer, target: parseTemplate(target, c) };
}

function parseStatus(word: Word, c: ArgumentContext): number {
  const status = parseInteger(word.text);
  if (status === null || status === 499) {
    return c.fail(word, 'invalid-value', `invalid value "${word.text}"`, {
      ...(status === 499 && { help: 'with 499 the client is gone already' }),
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
    takes: custom('code ... [=[answer]] uri', 2, Number.POSITIVE_INFINITY, parseErrorPage),
    repeat: true,
    doc: 'What is answered in place of these statuses: a URI of this server, fetched by an internal redirect, a named location (`@name`), or a URL, to which the client is redirected. `=code` changes the status, `=` alone leaves it to the page. A block that has `error_page` of its own inherits none.',
    example: 'error_page 500 502 503 504 /50x.html;',
  },
  recursive_error_pages: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: 'Whether an error in an error page leads to an error page again.',
    example: 'recursive_error_pages on;',
  },
  log_not_found: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    doc: 'Whether files that are not there are told to the error log.',
    example: 'log_not_found off;',
  },
  msie_padding: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'on',
    noEffect: 'The browsers that put pages of their own in place of short ones are gone.',
    doc: 'In nginx, whether error pages are filled up to 512 bytes for some browsers.',
    example: 'msie_padding off;',
  },
  msie_refresh: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    noEffect: 'The browsers that it is for are gone.',
    doc: 'In nginx, whether old browsers are sent pages with a refresh in place of redirects.',
    example: 'msie_refresh off;',
  },
} as const satisfies Directives;

/** nginx's own statuses, which clients see as 400. */
const SEEN_AS_400: ReadonlySet<number> = new Set([494, 495, 496, 497]);

export function applyErrorPages(conf: ConfOf<typeof errorPageDirectives>, at: Scope): void {
  const { settings } = at.program;
  settings.recursiveErrorPages = conf.recursive_error_pages;
  settings.logNotFound = conf.log_not_found;
  settings.msiePadding = conf.msie_padding;
  if (conf.error_page.length === 0) return;
  const pages = new Map<number, ErrorPage>();
  for (const { statuses, answer, target } of conf.error_page) {
    const template = at.compiler.template(target);
    for (const status of statuses) {
      if (pages.has(status)) continue;
      pages.set(status, { answer: answer < 0 && SEEN_AS_400.has(status) ? 400 : answer, target: template });
    }
  }
  settings.errorPages = pages;
}
