/**
 * Locations of a server. nginx selects a location by the path before anything else, the sources try their routes in order:
 * for each path that the routes name there is a cell with the routes that its requests can reach.
 */
import { type Atom, assuming, atomsOf, type Condition, keyOf } from '../conditions.js';
import type { Edit, Route } from '../model.js';
import { regexOf } from '../patterns.js';

export interface Cell {
  readonly how: 'exact' | 'prefix' | 'regex';
  readonly value: string;
  readonly ignoreCase: boolean;
  /** No expression is tried for its requests (`^~`). */
  readonly isFinal: boolean;
  /** Routes in the order in which they are tried; their conditions do not mention what is known. The last one applies always. */
  readonly routes: readonly Route[];
}

type PathAtom = Extract<Atom, { is: 'path' }>;

/** @param fallback the route of requests that no route answers */
export function cellsOf(routes: readonly Route[], fallback: Route): Cell[] {
  const complete = [...routes, fallback];
  const atoms = new Map<string, PathAtom>();
  for (const { when, edits } of complete) {
    for (const atom of [when, ...edits.map((edit) => edit.when)].flatMap(atomsOf)) {
      if (atom.is === 'path') atoms.set(keyOf(atom), atom);
    }
  }
  const literal = [...atoms.values()].filter((atom) => atom.how !== 'regex' && !atom.ignoreCase);
  const expressions = [...atoms.values()].filter((atom) => atom.how === 'regex' || atom.ignoreCase);
  const prefixes = literal.filter(({ how }) => how === 'prefix').map(({ value }) => value);
  // A location that proxies `/api/` redirects `/api`, unless that has a location of its own.
  const slashless = new Set(
    prefixes.filter((value) => value.length > 1 && value.endsWith('/')).map((value) => value.slice(0, -1)),
  );
  const exact = [...literal.filter(({ how }) => how === 'exact').map(({ value }) => value), ...slashless];
  const cells: Cell[] = [];

  const prefixCells = [...new Set([...prefixes, '/'])].map((value): Cell => {
    const reached = reachable(complete, (atom) => {
      if (atom.how === 'regex' || atom.ignoreCase) return null;
      // A longer prefix has a cell of its own, and so has an exact path.
      return atom.how === 'prefix' && value.startsWith(atom.value);
    });
    const isFinal = expressions.length > 0 && !mentionsPath(reached);
    const routes = isFinal ? reached : reachable(reached, () => false);
    return { how: 'prefix', value, ignoreCase: false, isFinal, routes };
  });
  const finals = new Set(prefixCells.filter(({ isFinal }) => isFinal).map(({ value }) => value));

  for (const value of new Set(exact)) {
    const routes = reachable(complete, (atom) => matchesLiteral(atom, value));
    cells.push({ how: 'exact', value, ignoreCase: false, isFinal: false, routes });
  }
  cells.push(...prefixCells);
  expressions.forEach((expression, index) => {
    const earlier = new Set(expressions.slice(0, index).map(keyOf));
    const routes = reachable(complete, (atom) => {
      if (keyOf(atom) === keyOf(expression)) return true;
      if (earlier.has(keyOf(atom))) return false;
      if (atom.how === 'regex' || atom.ignoreCase) return null;
      if (atom.how === 'exact') return false;
      // Requests below a final prefix do not get here.
      return atom.value === '/' ? true : isCovered(atom.value, prefixCells, finals) ? false : null;
    });
    const pattern = regexOf(expression);
    cells.push({ how: 'regex', value: pattern, ignoreCase: expression.ignoreCase === true, isFinal: false, routes });
  });
  const redirecting = new Set(
    prefixCells.filter(({ routes: own }) => own.at(-1)?.action.do === 'proxy').map(({ value }) => value.slice(0, -1)),
  );
  return withoutRepeats(cells, redirecting);
}

/** Whether a path matches; null if the expression is not one of JavaScript. */
function matchesLiteral(atom: PathAtom, path: string): boolean | null {
  if (atom.how === 'regex') {
    try {
      return new RegExp(atom.value, atom.ignoreCase ? 'i' : '').test(path);
    } catch {
      return null;
    }
  }
  const fold = (text: string): string => (atom.ignoreCase ? text.toLowerCase() : text);
  return atom.how === 'exact' ? fold(path) === fold(atom.value) : fold(path).startsWith(fold(atom.value));
}

/** Whether all cells below a prefix are final. */
function isCovered(prefix: string, cells: readonly Cell[], finals: ReadonlySet<string>): boolean {
  return cells.filter(({ value }) => value.startsWith(prefix)).every(({ value }) => finals.has(value));
}

/** Routes up to the first that applies always, with what is known. */
function reachable(routes: readonly Route[], known: (atom: PathAtom) => boolean | null): Route[] {
  const decide = (condition: Condition): Condition =>
    assuming(condition, (atom) => (atom.is === 'path' ? known(atom) : null));
  const reached: Route[] = [];
  for (const route of routes) {
    const when = decide(route.when);
    if (when.is === 'never') continue;
    const edits = route.edits
      .map((edit): Edit => ({ ...edit, when: decide(edit.when) }))
      .filter((edit) => edit.when.is !== 'never');
    reached.push({ ...route, when, edits });
    if (when.is === 'always') break;
  }
  return reached;
}

function mentionsPath(routes: readonly Route[]): boolean {
  return routes.some(({ when, edits }) =>
    [when, ...edits.map((edit) => edit.when)].flatMap(atomsOf).some(({ is }) => is === 'path'),
  );
}

/** Leaves out cells in which nothing differs from the cell that their requests would have otherwise. */
function withoutRepeats(cells: readonly Cell[], redirecting: ReadonlySet<string>): Cell[] {
  const prefixes = cells.filter(({ how }) => how === 'prefix');
  return cells.filter((cell) => {
    if (cell.how === 'regex' || (cell.how === 'prefix' && cell.value === '/')) return true;
    if (cell.how === 'exact' && redirecting.has(cell.value)) return true;
    const enclosing = prefixes
      .filter((each) => each !== cell && cell.value.startsWith(each.value))
      .sort((a, b) => b.value.length - a.value.length)[0];
    if (enclosing === undefined) return true;
    // An exact location ends the search, a prefix does not.
    const isSameSearch =
      cell.how === 'exact'
        ? enclosing.isFinal || !cells.some(({ how }) => how === 'regex')
        : cell.isFinal === enclosing.isFinal;
    return !(isSameSearch && JSON.stringify(cell.routes) === JSON.stringify(enclosing.routes));
  });
}
