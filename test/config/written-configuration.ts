/** Configurations as models, and the many ways to write one down that mean the same. */
import fc from 'fast-check';

export interface LocationModel {
  readonly uri: string;
  /** One directive each, with its arguments. */
  readonly directives: Readonly<Record<string, string>>;
  readonly locations: readonly LocationModel[];
}

export interface ServerModel {
  readonly name: string;
  readonly locations: readonly LocationModel[];
}

export interface Model {
  readonly maps: readonly string[];
  readonly upstreams: readonly string[];
  /** In force everywhere, unless a location says otherwise. */
  readonly common: Readonly<Record<string, string>>;
  readonly servers: readonly ServerModel[];
}

/** How a model is written. */
export interface Style {
  /** Chooses orders, includes, blanks and comments. */
  readonly seed: number;
  /** Settings that apply everywhere are written in each server instead of http. */
  readonly pushed: boolean;
  /** Defaults are written out. */
  readonly defaults: boolean;
}

export const style: fc.Arbitrary<Style> = fc.record({
  seed: fc.integer({ min: 1, max: 0x7fffffff }),
  pushed: fc.boolean(),
  defaults: fc.boolean(),
});

const inherited = {
  proxy_read_timeout: fc.constantFrom('5s', '1h', '90'),
  send_timeout: fc.constantFrom('30s', '1m'),
  client_max_body_size: fc.constantFrom('1m', '8m', '0'),
};
const directives = fc.record(
  {
    ...inherited,
    proxy_set_header: fc.constantFrom('Connection $m0', 'X-A "$m1 and $uri"', 'Host $host'),
    proxy_pass: fc.constantFrom('http://u0', 'http://u1', 'http://127.0.0.1:9000'),
    add_header: fc.constantFrom('A b', '"C" "$m2" always'),
    tunnel_drain: fc.constantFrom('on', 'on spread=3s'),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Readonly<Record<string, string>>>;

function locationsBelow(prefix: string, depth: number): fc.Arbitrary<readonly LocationModel[]> {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'ws'), { maxLength: 3 });
  return names.chain((found) =>
    fc.tuple(
      ...found.map((name) =>
        fc.record({
          uri: fc.constant(`${prefix}/${name}`),
          directives,
          locations: depth === 0 ? fc.constant([]) : locationsBelow(`${prefix}/${name}`, depth - 1),
        }),
      ),
    ),
  );
}

export const model: fc.Arbitrary<Model> = fc
  .uniqueArray(fc.constantFrom('a.example', '*.b.example', 'c.example'), { minLength: 1, maxLength: 3 })
  .chain((names) =>
    fc.record({
      maps: fc.constant(['$m0', '$m1', '$m2']),
      upstreams: fc.constant(['u0', 'u1']),
      common: fc.record(inherited, { requiredKeys: [] }) as fc.Arbitrary<Readonly<Record<string, string>>>,
      servers: fc.tuple(
        ...names.map((name) => fc.record({ name: fc.constant(name), locations: locationsBelow('', 1) })),
      ),
    }),
  );

const DEFAULTS = ['proxy_buffering on', 'client_body_timeout 60', 'proxy_connect_timeout 1m', 'etag on'];

/** The text of a model, and the files that it includes. */
export function print(
  { maps, upstreams, common, servers }: Model,
  how: Style,
): { readonly text: string; readonly files: Readonly<Record<string, string>> } {
  const random = dice(how.seed);
  const files: Record<string, string> = {};
  /** Statements in any order, some of them in a file. */
  const join = (statements: readonly string[]): string => {
    const shuffled = [...statements].map((each) => ({ each, at: random() })).sort((a, b) => a.at - b.at);
    const written = shuffled.map(({ each }) => `${gap(random)}${each}`);
    if (written.length > 1 && random() < 0.3) {
      const path = `/c/${Object.keys(files).length}.conf`;
      files[path] = written.splice(0, 2).join('\n');
      written.push(` include ${path};`);
    }
    return written.join('');
  };
  const line = ([name, value]: readonly [string, string]): string => `${name}${gap(random)} ${value};`;
  const shared = Object.entries(common).map(line);
  const location = (each: LocationModel): string =>
    `location ${each.uri} {${join([...Object.entries(each.directives).map(line), ...each.locations.map(location)])} }`;
  const server = ({ name, locations }: ServerModel, first: boolean): string =>
    `server {${join([
      `listen ${random() < 0.5 ? '*:' : ''}8080${first ? ' default_server' : ''};`,
      `server_name ${name};`,
      ...(how.pushed ? shared : []),
      ...locations.map(location),
    ])} }`;
  const text = join([
    ...maps.map((name) => `map $uri ${name} {${join(['default 1;', '/a 2;', '/b "$arg_x";'])} }`),
    ...upstreams.map((name, i) => `upstream ${name} { server 127.0.0.1:900${i}; }`),
    ...(how.defaults ? DEFAULTS.map((each) => `${each};`) : []),
    ...(how.pushed ? [] : shared),
    ...servers.map((each, i) => server(each, i === 0)),
  ]);
  return { text: `events {}\nhttp {${text} }\n`, files };
}

function gap(random: () => number): string {
  const which = random();
  return which < 0.2 ? '\n# a comment { ; }\n' : which < 0.5 ? '\n    ' : ' ';
}

/** Numbers between 0 and 1 that follow from a seed. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}
