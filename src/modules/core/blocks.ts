/** The blocks of http: `http`, `server`, `location`, `limit_except`. */
import { listOf, nearWord, none, word } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { Directives } from '../../config/directive.js';
import { type LocationData, locationArgument } from '../../config/location-argument.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { Scope } from '../../exchange/module.js';

/** The methods that nginx knows by name. */
const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'MKCOL',
  'COPY',
  'MOVE',
  'OPTIONS',
  'PROPFIND',
  'PROPPATCH',
  'LOCK',
  'UNLOCK',
  'PATCH',
] as const;

const method = word('method', (w, c) => {
  const upper = w.text.toUpperCase();
  return (
    METHODS.find((name) => name === upper) ??
    c.fail(w, 'invalid-value', `invalid method "${w.text}"`, nearWord(w, METHODS) ?? {})
  );
});

export const blockDirectives = {
  http: {
    contexts: ['main'],
    takes: none,
    body: { context: 'http' },
    doc: 'Holds the configuration of the HTTP server.',
    example: 'http {\n    server {\n        listen 8080;\n    }\n}',
  },
  server: {
    contexts: ['http'],
    takes: none,
    repeat: true,
    body: { context: 'server' },
    doc: 'A virtual server: `listen` says on which addresses, `server_name` for which hosts.',
    example: 'server {\n    listen 8080;\n    server_name example.com;\n}',
  },
  location: {
    contexts: ['server', 'location'],
    takes: locationArgument,
    repeat: true,
    body: { context: 'location' },
    doc: 'What holds for some URIs of a server: those that start with a prefix (the longest wins), `=` those that are equal to it, `~` and `~*` (without regard to case) those that match a regular expression. Expressions are tried in the order written and win over prefixes, unless the longest prefix says `^~`. `@name` is reached by `error_page` and `try_files` alone. The URI is compared after `%XX` is decoded and `.`, `..` and repeated slashes are resolved.',
    example: 'location ~ \\.php$ {\n    return 403;\n}',
  },
  limit_except: {
    contexts: ['location'],
    takes: listOf(method),
    body: { context: 'limit_except' },
    doc: 'What holds for methods other than those given; `GET` includes `HEAD`.',
    example: 'limit_except GET POST {\n    deny all;\n}',
  },
} as const satisfies Directives;

/** What the `location` that opened a block says. */
export function locationOf(block: CheckedBlock): LocationData {
  // The argument type of `location` made it.
  return block.argument as LocationData;
}

/** What of a location's own name goes into its program; and what holds for other methods. */
export function nameLocation(at: Scope): void {
  const { block, program } = at;
  if (block.directive === 'location') {
    const { name, kind } = locationOf(block);
    program.name = name;
    program.exact = kind === 'exact';
  }
  for (const inner of block.blocks) {
    if (inner.directive !== 'limit_except') continue;
    const allowed = new Set(inner.argument as readonly string[]);
    if (allowed.has('GET')) allowed.add('HEAD');
    program.exceptMethods = { allowed, otherwise: at.compiler.program(inner, at.server, at) };
  }
}

/** The locations in a block: each once, and inside of the URIs of the location around. */
export function checkLocations(block: CheckedBlock, c: CheckContext): void {
  const seen = new Map<string, CheckedBlock>();
  let limits: CheckedBlock | null = null;
  for (const inner of block.blocks) {
    if (inner.directive === 'limit_except') {
      const at = c.openerOf(inner)?.name;
      if (limits !== null && at !== undefined) {
        c.report(at, 'duplicate-directive', '"limit_except" directive is duplicate', {
          help: 'name all methods in one limit_except',
        });
      }
      limits = inner;
    }
    if (inner.directive !== 'location' || inner.argument === undefined || inner.argument === null) continue;
    const data = locationOf(inner);
    if (block.directive === 'location') checkNesting(data, inner, block, c);
    if (data.kind === 'regex') continue;
    const key = `${data.kind} ${data.name}`;
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, inner);
      continue;
    }
    const at = c.openerOf(inner)?.args.at(-1);
    const other = c.openerOf(first)?.args.at(-1);
    if (at === undefined) continue;
    c.report(at, 'duplicate-definition', `duplicate location "${data.name}"`, {
      // nginx passes over a second named location in silence.
      ...(data.kind === 'named' && { severity: 'warning', help: 'only the first one is used' }),
      ...(other !== undefined && { related: [{ at: other, message: 'first defined here' }] }),
    });
  }
}

function checkNesting(data: LocationData, inner: CheckedBlock, block: CheckedBlock, c: CheckContext): void {
  if (block.argument === undefined || block.argument === null) return;
  const outer = locationOf(block);
  const at = c.openerOf(inner)?.args.at(-1);
  if (at === undefined) return;
  const { name, kind } = data;
  if (outer.kind === 'exact' || outer.kind === 'named') {
    const which = outer.kind === 'exact' ? 'exact' : 'named';
    c.report(at, 'wrong-context', `location "${name}" cannot be inside the ${which} location "${outer.name}"`);
  } else if (kind === 'named') {
    c.report(at, 'wrong-context', `named location "${name}" can be on the server level only`);
  } else if (kind !== 'regex' && !name.startsWith(outer.name)) {
    c.report(at, 'wrong-context', `location "${name}" is outside location "${outer.name}"`, {
      help: 'the URI of a location starts with that of the location around it; no prefix is removed',
    });
  }
}
