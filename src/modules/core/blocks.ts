/** The blocks `http`, `server`, `location` and `limit_except`. */
import { listOf, nearWord, none, word } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { Directives } from '../../config/directive.js';
import { type LocationData, locationArgument } from '../../config/location-argument.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { Scope } from '../../program/module.js';

/** Methods that nginx accepts. */
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
    doc: 'Configuration of the HTTP server.',
    example: 'http {\n    server {\n        listen 8080;\n    }\n}',
  },
  server: {
    contexts: ['http'],
    takes: none,
    repeat: true,
    body: { context: 'server' },
    doc: 'Configuration of a virtual server. `listen` specifies its addresses, `server_name` its hosts.',
    example: 'server {\n    listen 8080;\n    server_name example.com;\n}',
  },
  location: {
    contexts: ['server', 'location'],
    takes: locationArgument,
    repeat: true,
    body: { context: 'location' },
    doc: 'Configuration for URIs that start with a prefix (the longest match is used), that are equal to a string (`=`), or that match a regular expression (`~`, or case-insensitively `~*`). Regular expressions are tried in the order of the configuration and take precedence over prefixes, unless the longest matching prefix has `^~`. `@name` is used only by `error_page` and `try_files`. The URI is compared after `%XX` is decoded and `.`, `..` and repeated slashes are resolved.',
    example: 'location ~ \\.php$ {\n    return 403;\n}',
  },
  limit_except: {
    contexts: ['location'],
    takes: listOf(method),
    body: { context: 'limit_except' },
    doc: 'Configuration for methods other than those listed; `GET` includes `HEAD`.',
    example: 'limit_except GET POST {\n    deny all;\n}',
  },
} as const satisfies Directives;

/** Argument of the `location` that opened a block. */
export function locationOf(block: CheckedBlock): LocationData {
  // Parsed by the argument type of `location`.
  return block.argument as LocationData;
}

/** Sets a location's name in its program, and the program for methods of `limit_except`. */
export function applyLocation(at: Scope): void {
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

/** Checks that the locations of a block are distinct, and within the prefix of the enclosing location. */
export function checkLocations(block: CheckedBlock, c: CheckContext): void {
  const firstByName = new Map<string, CheckedBlock>();
  let limitExcept: CheckedBlock | null = null;
  for (const inner of block.blocks) {
    if (inner.directive === 'limit_except') {
      const at = c.openerOf(inner)?.name;
      if (limitExcept !== null && at !== undefined) {
        c.report(at, 'duplicate-directive', '"limit_except" directive is duplicate', {
          help: 'list all methods in one limit_except',
        });
      }
      limitExcept = inner;
    }
    if (inner.directive !== 'location' || inner.argument === undefined || inner.argument === null) continue;
    const data = locationOf(inner);
    if (block.directive === 'location') checkNesting(data, inner, block, c);
    if (data.kind === 'regex') continue;
    const key = `${data.kind} ${data.name}`;
    const first = firstByName.get(key);
    if (first === undefined) {
      firstByName.set(key, inner);
      continue;
    }
    const at = c.openerOf(inner)?.args.at(-1);
    const other = c.openerOf(first)?.args.at(-1);
    if (at === undefined) continue;
    c.report(at, 'duplicate-definition', `duplicate location "${data.name}"`, {
      // nginx ignores a second named location silently.
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
      help: 'the URI of a nested location must start with that of the enclosing location; no prefix is removed',
    });
  }
}
