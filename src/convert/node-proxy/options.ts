/** Options of http-proxy, which http-proxy-middleware and Vite pass on. */
import { ALWAYS } from '../conditions.js';
import type { Directive } from '../crossplane/payload.js';
import { directive, ROOT_CERTIFICATES } from '../directives.js';
import { isFunction, isObject, type ObjectValue, type Property, settingOf, type Value } from '../javascript/values.js';
import type { FieldEdit, Template } from '../model.js';
import type { NoteList } from '../note-list.js';
import { escapePattern } from '../patterns.js';
import type { Target } from './target.js';

/** Options without effect on responses, or that are translated elsewhere. */
const OTHERS: ReadonlySet<string> = new Set([
  ...[
    'target',
    'forward',
    'router',
    'pathRewrite',
    'pathFilter',
    'context',
    'rewrite',
    'ws',
    'ignorePath',
    'prependPath',
  ],
  ...[
    'logger',
    'logLevel',
    'logProvider',
    'changeOrigin',
    'toProxy',
    'preserveHeaderKeyCase',
    'ejectPlugins',
    'buffer',
  ],
]);

export interface TranslatedOptions {
  readonly edits: readonly FieldEdit[];
  readonly settings: readonly Directive[];
  readonly host: 'client' | 'target';
}

/** @param isOriginChanged default of `changeOrigin` */
export function translateOptions(
  options: ObjectValue,
  target: Target,
  notes: NoteList,
  isOriginChanged = false,
): TranslatedOptions {
  const edits: FieldEdit[] = [];
  const settings: Directive[] = [];
  for (const property of options.properties) {
    if (OTHERS.has(property.name)) continue;
    const translated = OPTIONS[property.name]?.(property.value, target, options);
    if (translated === undefined || translated === null) {
      notes.missing(property.line, messageFor(property));
      continue;
    }
    for (const each of translated) {
      if ('change' in each) edits.push(each);
      else settings.push(each);
    }
  }
  if (target.scheme === 'https') settings.push(...tlsSettings(options, target));
  const changeOrigin = settingOf(options, 'changeOrigin') ?? isOriginChanged;
  return { edits, settings, host: changeOrigin === true ? 'target' : 'client' };
}

function messageFor({ name, value }: Property): string {
  if (/^on[A-Z]|^on$|^configure$|^bypass$|^plugins$/.test(name)) return `"${name}" is code, which is not converted`;
  return isFunction(value) ? `"${name}" is a function, which is not converted` : `option "${name}" is not converted`;
}

function tlsSettings(options: ObjectValue, { host }: Target): Directive[] {
  const settings = [directive('proxy_ssl_server_name', 'on'), directive('proxy_ssl_name', host)];
  if (settingOf(options, 'secure') === false) return settings;
  return [
    ...settings,
    directive('proxy_ssl_verify', 'on'),
    directive('proxy_ssl_trusted_certificate', ROOT_CERTIFICATES),
  ];
}

type Translate = (value: Value, target: Target, options: ObjectValue) => readonly (FieldEdit | Directive)[] | null;

function requestField(how: FieldEdit['how'], name: string, value: Template): FieldEdit {
  return { change: 'request', how, name, value, when: ALWAYS };
}

function milliseconds(name: string): Translate {
  return (value) => (typeof value === 'number' && value > 0 ? [directive(name, `${Math.round(value)}ms`)] : null);
}

const OPTIONS: Readonly<Record<string, Translate>> = {
  secure: (value) => (typeof value === 'boolean' ? [] : null),
  headers: (value) => {
    if (!isObject(value)) return null;
    const edits: FieldEdit[] = [];
    for (const property of value.properties) {
      if (typeof property.value !== 'string' && typeof property.value !== 'number') return null;
      edits.push(requestField('set', property.name, [String(property.value)]));
    }
    return edits;
  },
  auth: (value) => {
    if (typeof value !== 'string') return null;
    return [requestField('default', 'Authorization', [`Basic ${Buffer.from(value, 'utf8').toString('base64')}`])];
  },
  xfwd: (value) => {
    if (typeof value !== 'boolean') return null;
    if (!value) return [];
    return [
      requestField('append', 'X-Forwarded-For', [{ variable: 'remote_addr' }]),
      requestField('append', 'X-Forwarded-Port', [{ variable: 'server_port' }]),
      requestField('append', 'X-Forwarded-Proto', [{ variable: 'scheme' }]),
      requestField('default', 'X-Forwarded-Host', [{ variable: 'http_host' }]),
    ];
  },
  proxyTimeout: milliseconds('proxy_read_timeout'),
  timeout: milliseconds('send_timeout'),
  localAddress: (value) => (typeof value === 'string' ? [directive('proxy_bind', value)] : null),
  method: (value) => (typeof value === 'string' ? [directive('proxy_method', value.toUpperCase())] : null),
  cookieDomainRewrite: (value) => cookies('proxy_cookie_domain', value),
  cookiePathRewrite: (value) => cookies('proxy_cookie_path', value),
  hostRewrite: (value, target) => (typeof value === 'string' ? [locationRewrite(target, value)] : null),
  autoRewrite: (value, target, options) => {
    if (typeof value !== 'boolean') return null;
    const isGiven = typeof settingOf(options, 'hostRewrite') === 'string';
    return value && !isGiven ? [locationRewrite(target, '$http_host')] : [];
  },
  followRedirects: (value) => (value === false ? [] : null),
  selfHandleResponse: (value) => (value === false ? [] : null),
  rewriteWsOrigin: (value, target) => {
    if (typeof value !== 'boolean') return null;
    return value ? [requestField('set', 'Origin', [`${target.scheme}://${target.to}`])] : [];
  },
};

/** `Location` fields with the target's host get another one. */
function locationRewrite({ to }: Target, host: string): Directive {
  return directive('proxy_redirect', `~^(https?)://${escapePattern(to)}(/.*)?$`, `$1://${host}$2`);
}

/** Rewriting of cookies: one value for all, or an object from old to new ones. An empty value removes the attribute. */
function cookies(name: string, value: Value): readonly Directive[] | null {
  if (value === false) return [];
  const rows = isObject(value) ? value.properties : [{ name: '*', line: 0, value }];
  const directives: Directive[] = [];
  for (const row of rows) {
    if (typeof row.value !== 'string' || row.value === '') return null;
    directives.push(
      row.name === '*'
        ? directive(name, '~.*', row.value)
        : name === 'proxy_cookie_path'
          ? directive(name, `~^${escapePattern(row.name)}$`, row.value)
          : directive(name, row.name, row.value),
    );
  }
  return directives;
}
