/** The table `server.proxy` of Vite. */
import { ALWAYS, type Condition } from '../conditions.js';
import { directive } from '../directives.js';
import { LiteralProgram } from '../javascript/program.js';
import { isFunction, isObject, type ObjectValue, propertyOf, settingOf, type Value } from '../javascript/values.js';
import { type Configuration, type PathRule, type Route, routeWith, SourceMistake } from '../model.js';
import type { NoteList } from '../note-list.js';
import { replaceRule } from './path-rules.js';
import { proxyRoutes } from './router.js';
import { targetOf } from './target.js';

export function viteConfiguration(name: string, text: string, listen: string | null, notes: NoteList): Configuration {
  const program = new LiteralProgram(
    name,
    /^\s*\{/.test(text) ? `export default ${text.trim().replace(/;$/, '')}` : text,
  );
  const exported = program.exported();
  if (!isObject(exported)) throw new SourceMistake('it exports no literal configuration', 0);
  const server = objectOf(settingOf(exported, 'server')) ?? exported;
  const preview = objectOf(settingOf(exported, 'preview'));
  const table =
    objectOf(settingOf(server, 'proxy')) ??
    (preview === null ? null : objectOf(settingOf(preview, 'proxy'))) ??
    (propertyOf(exported, 'server') === undefined ? exported : null);
  if (table === null) throw new SourceMistake('it has no literal "server.proxy"', 0);
  const routes = table.properties.flatMap((entry) => entryRoutes(entry.name, entry.line, entry.value, notes));
  if (routes.length === 0 && table.properties.length > 0)
    throw new SourceMistake('no entry of its table can be converted', 0);
  const port = settingOf(server, 'port');
  const usesWebSockets = table.properties.some(({ value }) => isWebSocket(value));
  return {
    main: [],
    http: usesWebSockets ? [directive('proxy_websocket', 'on')] : [],
    upstreams: [],
    servers: [
      {
        listeners: [{ address: listen ?? `127.0.0.1:${typeof port === 'number' ? port : 5173}` }],
        names: [],
        routes: [...routes, builtFiles(exported)],
        settings: [],
        comments: [],
      },
    ],
  };
}

function objectOf(value: Value | undefined): ObjectValue | null {
  return isObject(value) ? value : null;
}

function isWebSocket(value: Value): boolean {
  const options = optionsOf(value, 0);
  return (
    options !== null &&
    (settingOf(options, 'ws') === true || targetOf(settingOf(options, 'target'))?.isWebSocket === true)
  );
}

/** A string is the target, and changes the origin. */
function optionsOf(value: Value, line: number): ObjectValue | null {
  if (typeof value !== 'string') return objectOf(value);
  const properties = [
    { name: 'target', line, value },
    { name: 'changeOrigin', line, value: true },
  ];
  return { kind: 'object', line, properties };
}

function entryRoutes(key: string, line: number, value: Value, notes: NoteList): Route[] {
  const options = optionsOf(value, line);
  if (options === null) {
    notes.missing(line, `the options of "${key}" are not literal`);
    return [];
  }
  const place = { when: keyCondition(key), line, mount: '', comments: [], isOriginChanged: false };
  return proxyRoutes(options, place, (base) => rewriteRules(options, base, notes), notes);
}

/** A key is the beginning of the URL, or with `^` a regular expression. */
function keyCondition(key: string): Condition {
  if (key.startsWith('^')) return { is: 'path', how: 'regex', value: key.replaceAll('\\/', '/') };
  return key === '/' || key === '' ? ALWAYS : { is: 'path', how: 'prefix', value: key };
}

function rewriteRules(options: ObjectValue, base: string, notes: NoteList): readonly (readonly PathRule[])[] | null {
  const property = propertyOf(options, 'rewrite');
  if (property === undefined) return [];
  const { value, line } = property;
  if (isFunction(value) && value.replacements !== null) {
    const { replacements } = value;
    const rules = replacements.map(({ pattern, to }, index) =>
      replaceRule(pattern, to, '', index === replacements.length - 1 ? base : ''),
    );
    if (rules.every((rule) => rule !== null)) return rules.map((rule) => [rule]);
  }
  notes.missing(line, '"rewrite" is code that is not converted');
  return null;
}

/** All other requests: the files of the built program, as `vite preview` serves them. */
function builtFiles(configuration: ObjectValue): Route {
  const build = objectOf(settingOf(configuration, 'build'));
  const directory = build === null ? undefined : settingOf(build, 'outDir');
  return routeWith(
    {
      do: 'files',
      root: [typeof directory === 'string' ? directory : 'dist'],
      index: ['index.html'],
      tries: [[{ variable: 'uri' }], [{ variable: 'uri' }, '/index.html'], ['/index.html']],
    },
    { comments: ['The built program; during development, "proxy_pass http://localhost:5173;" instead.'] },
  );
}
