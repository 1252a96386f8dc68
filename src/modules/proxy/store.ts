/** `proxy_store`: responses are stored as files. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom, word } from '../../config/argument-types.js';
import type { ArgumentContext, Directives } from '../../config/directive.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import type { TemporaryPath } from '../../config/temporary-path-argument.js';
import type { Compiler } from '../../program/module.js';
import type { StoreSettings } from '../../upstream/response-store.js';

const CONTEXTS = ['http', 'server', 'location'] as const;

export type StoreData = 'off' | 'on' | { readonly path: TemplateData };

const storeArgument = word('on | off | string', (w, c): StoreData => {
  const { text } = w;
  if (text === 'off' || text === 'on') return text;
  if (text === '') c.fail(w, 'invalid-value', 'empty path');
  const template = parseTemplate(w, c);
  if (text.startsWith('/') || text.startsWith('$')) return { path: template };
  const prefix = c.path('', 'prefix');
  return { path: typeof template === 'string' ? prefix + template : [prefix, ...template] };
});

const SHIFTS: Readonly<Record<string, number>> = { user: 6, group: 3, all: 0 };

/** nginx: ngx_conf_set_access_slot. */
function parseAccess(words: readonly Word[], c: ArgumentContext): number {
  let access = 0;
  let user = 0o600;
  for (const w of words) {
    const [, who = '', rights] = /^(user|group|all):(rw|r)$/.exec(w.text) ?? [];
    const shift = SHIFTS[who];
    if (shift === undefined) return c.fail(w, 'invalid-value', `invalid value "${w.text}"`);
    if (who === 'user') user = 0;
    access |= (rights === 'rw' ? 6 : 4) << shift;
  }
  return access | user;
}

export const storeDirectives = {
  proxy_store: {
    contexts: CONTEXTS,
    takes: storeArgument,
    default: 'off',
    doc: 'Stores complete responses with status 200 as files: with `on` under the path to which `root` or `alias` maps the URI, otherwise under the given path, which may contain variables. A file is written below `proxy_temp_path` and renamed, so both should be on one file system. It gets the time of `Last-Modified`. The response is read to its end even if the client leaves. It must be buffered (`proxy_buffering`).',
    example: 'proxy_store on;',
    differs:
      'A relative path is resolved against the prefix, not the working directory. Event streams (`text/event-stream`) are not stored.',
    differsFor: ([path = '']: readonly string[]) => !/^(?:on|off|[/$].*)$/.test(path),
  },
  proxy_store_access: {
    contexts: CONTEXTS,
    takes: custom('users:permissions ...', 1, 3, parseAccess),
    default: 'user:rw',
    doc: 'Permissions of stored files and of directories created for them: `user`, `group` or `all`, with `r` or `rw`.',
    example: 'proxy_store_access user:rw group:rw all:r;',
  },
} as const satisfies Directives;

interface StoreConf {
  readonly proxy_store: StoreData;
  readonly proxy_store_access: number;
}

/** Settings for one location; null if responses are not stored. */
export function storeSettings(conf: StoreConf, place: TemporaryPath, compiler: Compiler): StoreSettings | null {
  const { proxy_store: data, proxy_store_access: access } = conf;
  if (data === 'off') return null;
  return { path: data === 'on' ? null : compiler.template(data.path), access, place };
}
