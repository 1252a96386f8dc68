import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ALWAYS, type Atom, all, any, type Condition, not } from '../../src/convert/conditions.js';
import type { Route } from '../../src/convert/model.js';
import { type Cell, cellsOf } from '../../src/convert/writer/cells.js';

interface Request {
  readonly path: string;
  readonly method: string;
}

function route(name: string, when: Condition): Route {
  return {
    when,
    action: { do: 'proxy', scheme: 'http', to: name, host: 'client' },
    edits: [],
    settings: [],
    comments: [],
  };
}

/** Independent of the conversion: the value of a condition for a request. */
function holds(condition: Condition, request: Request): boolean {
  switch (condition.is) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'all':
      return condition.of.every((each) => holds(each, request));
    case 'any':
      return condition.of.some((each) => holds(each, request));
    case 'not':
      return !holds(condition.of, request);
    case 'named':
      return holds(condition.of, request);
    case 'path':
      return matches(condition, request.path);
    case 'value':
      return request.method === condition.value;
    default:
      throw new Error(condition.is);
  }
}

function matches({ how, value, ignoreCase }: Extract<Atom, { is: 'path' }>, path: string): boolean {
  if (how === 'regex') return new RegExp(value, ignoreCase ? 'i' : '').test(path);
  const [text, wanted] = ignoreCase ? [path.toLowerCase(), value.toLowerCase()] : [path, value];
  return how === 'exact' ? text === wanted : text.startsWith(wanted);
}

/** nginx's choice of a location (`ngx_http_core_find_location`). */
function locationOf(cells: readonly Cell[], path: string): Cell | undefined {
  const exact = cells.find(({ how, value }) => how === 'exact' && value === path);
  if (exact) return exact;
  const prefix = cells
    .filter(({ how, value }) => how === 'prefix' && path.startsWith(value))
    .sort((one, other) => other.value.length - one.value.length)[0];
  if (prefix?.isFinal) return prefix;
  const regex = cells.find(
    ({ how, value, ignoreCase }) => how === 'regex' && new RegExp(value, ignoreCase ? 'i' : '').test(path),
  );
  return regex ?? prefix;
}

function answerOf(routes: readonly Route[], request: Request): string {
  const found = routes.find(({ when }) => holds(when, request));
  return found?.action.do === 'proxy' ? String(found.action.to) : '';
}

const PATHS = ['/', '/a', '/a/', '/a/b', '/a/b.css', '/ab', '/b', '/b/c', '/B/x.css', '/b/c/d', '/x.css', '/A'];

const atom = fc.oneof(
  fc
    .constantFrom('/', '/a', '/a/', '/a/b', '/b', '/b/')
    .chain((value) =>
      fc
        .constantFrom('exact' as const, 'prefix' as const)
        .chain((how) =>
          fc
            .boolean()
            .map((fold): Condition => ({ is: 'path', how, value, ...(fold && { ignoreCase: true as const }) })),
        ),
    ),
  fc.constantFrom('^/a', '[.]css$', '/b', '^/[ab]/').map((value): Condition => ({ is: 'path', how: 'regex', value })),
  fc
    .constantFrom('GET', 'POST')
    .map((value): Condition => ({ is: 'value', of: [{ variable: 'request_method' }], how: 'exact', value })),
);

const condition: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 4, arbitrary: atom },
  { weight: 2, arbitrary: fc.array(atom, { minLength: 1, maxLength: 3 }).map(all) },
  { weight: 2, arbitrary: fc.array(atom, { minLength: 1, maxLength: 3 }).map(any) },
  { weight: 1, arbitrary: atom.map(not) },
  { weight: 1, arbitrary: fc.tuple(atom, atom, atom).map(([a, b, c]) => any([all([a, not(b)]), c])) },
);

test('the location of a path has the route that the source tries first', () => {
  fc.assert(
    fc.property(fc.array(condition, { maxLength: 6 }), (conditions) => {
      const routes = conditions.map((when, index) => route(`r${index}`, when));
      const fallback = route('fallback', ALWAYS);
      const cells = cellsOf(routes, fallback);
      for (const path of PATHS) {
        for (const method of ['GET', 'POST']) {
          const request = { path, method };
          const cell = locationOf(cells, path);
          assert.equal(
            answerOf(cell?.routes ?? [], request),
            answerOf([...routes, fallback], request),
            `${method} ${path}`,
          );
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test('conditions of a location do not mention what its path decides', () => {
  const routes = [
    route('api', { is: 'path', how: 'prefix', value: '/api/' }),
    route('css', { is: 'path', how: 'regex', value: '\\.css$' }),
    route('rest', ALWAYS),
  ];
  const cells = cellsOf(routes, route('fallback', ALWAYS));
  assert.deepEqual(
    cells.map(({ how, value, isFinal, routes: own }) => [how, value, isFinal, own.map(({ when }) => when.is)]),
    [
      ['exact', '/api', false, ['always']],
      ['prefix', '/api/', true, ['always']],
      ['prefix', '/', false, ['always']],
      ['regex', '\\.css$', false, ['always']],
    ],
  );
});
