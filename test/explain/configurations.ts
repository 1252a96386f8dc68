/** Configurations and requests by chance, in which every server and every location says who it is. */
import fc from 'fast-check';

/** A configuration with `%%PORT%%`, `%%A%%`, `%%B%%` and `%%C%%` (back ends), and the marks of its blocks by their lines. */
export interface MarkedConfig {
  readonly text: string;
  /** Value of `X-Mark` in a block's responses: the line on which the block opens. */
  readonly marks: ReadonlyMap<number, string>;
}

/** A request as it is put to `explain`. */
export interface GeneratedRequest {
  readonly line: string;
  readonly host: string;
  readonly fields: readonly string[];
  readonly body: string;
}

/** Writes blocks and remembers their lines. */
class Text {
  readonly marks = new Map<number, string>();
  private readonly lines: string[] = [];

  open(head: string, mark: string): void {
    this.lines.push(`${head} {`);
    if (mark !== '') this.marks.set(this.lines.length, mark);
  }

  line(text: string): void {
    this.lines.push(text);
  }

  close(): void {
    this.lines.push('}');
  }

  toString(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

/** A location, or the body of one, before its blocks have marks. */
interface Location {
  readonly head: string;
  readonly body: readonly string[];
  readonly inner: readonly Location[];
}

interface Server {
  readonly names: readonly string[];
  readonly isDefault: boolean;
  readonly settings: readonly string[];
  readonly steps: readonly string[];
  readonly locations: readonly Location[];
}

const NAMES = [
  'a.example',
  'b.example',
  'shop.a.example',
  '*.a.example',
  '.b.example',
  '*.example',
  'www.*',
  'shop.*',
  '~^(?<sub>[a-z]+)\\.re\\.example$',
  '~^c',
  '""',
] as const;

const HOSTS = [
  'a.example',
  'A.Example:8080',
  'shop.a.example',
  'x.y.a.example',
  'b.example',
  'x.b.example',
  'www.org',
  'shop.net',
  'sub.re.example',
  'c.re.example',
  'other',
  '127.0.0.1',
] as const;

const PREFIXES = ['/', '/a', '/a/', '/a/b', '/a/b/', '/b', '/b/', '/c d', '/api/v1/', '/A'] as const;
const PATTERNS = [
  '~ \\.php$',
  '~* ^/A/',
  '~ ^/(a|b)/(.*)$',
  '~ ^/a/(?<rest>.+)$',
  '~* "\\.(gif|jpg)$"',
  '~ /b',
  '~ ^/api/v(\\d+)/',
] as const;

const PATHS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/a/b/',
  '/a/b/c.php',
  '/A/x.GIF',
  '/b/./x/../y.jpg',
  '//a//b/',
  '/c%20d/e',
  '/a%2Fb',
  '/api/v1/users',
  '/api/v2/%7Euser',
  '/none',
  '/b',
  '/b/index.php',
  '/a/%C3%A4?x=1',
] as const;

const pick = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const some = <T>(values: readonly T[], max: number): fc.Arbitrary<T[]> =>
  fc.uniqueArray(pick(values), { minLength: 0, maxLength: max });

const HEADERS = [
  'proxy_set_header Host $host;',
  'proxy_set_header Host $http_host;',
  'proxy_set_header X-Uri "$uri $args";',
  'proxy_set_header X-Names "$server_name $host $server_port $scheme";',
  'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
  'proxy_set_header X-Captures "$1 $2 $rest $sub";',
  'proxy_set_header X-Set "$v $w";',
  'proxy_set_header X-Request "$request_method $request_uri";',
  'proxy_set_header Upgrade $http_upgrade;',
  'proxy_set_header Connection $connection_upgrade;',
  'proxy_set_header Accept-Encoding "";',
  'proxy_set_header Cookie $cookie_s;',
] as const;

const PROXYING = [
  'proxy_http_version 1.0;',
  'proxy_method PUT;',
  'proxy_set_body "$request_method $uri";',
  'proxy_pass_request_headers off;',
  'proxy_pass_request_body off;',
  'proxy_hide_header Set-Cookie;',
  'proxy_redirect off;',
  'proxy_cookie_path / /cookie/;',
  'proxy_cookie_domain ~.* example.org;',
  'proxy_request_buffering off;',
  'proxy_pass_header Server;',
  'expires 1d;',
] as const;

const STEPS = [
  'set $v "$uri-$arg_x";',
  'set $w $host;',
  'rewrite ^/a/(.*)$ /b/$1 last;',
  'rewrite ^/b/(.*)$ /api/$1?n=1;',
  'rewrite ^/a(.*)$ /c$1 break;',
  'rewrite ^/none$ /a/b/? permanent;',
  'rewrite (.*)\\.php$ $1 last;',
  'if ($arg_x) { set $w yes; }',
  'if ($request_method = POST) { return 405; }',
  'if ($http_x_test ~ "^(.)(.)") { set $v "$2$1"; }',
  'if (!-f $document_root$uri) { set $w missing; }',
  'if ($host ~* ^b) { rewrite ^/(.*)$ /a/$1 break; }',
  'break;',
] as const;

/** Content of a location: steps, then the response. Lines that begin with `if-` become an `if` with a mark. */
function body(kind: 'prefix' | 'regex' | 'named', settings: boolean): fc.Arbitrary<string[]> {
  const targets = ['http://127.0.0.1:%%A%%', 'http://round', 'http://hashed', 'http://clients', 'http://round$uri'];
  if (kind === 'prefix') targets.push('http://127.0.0.1:%%A%%/', 'http://hashed/base/', 'http://round/x?y=1');
  const passing = fc
    .tuple(pick(targets), some(HEADERS, 5), some(PROXYING, 3))
    .map(([target, headers, rest]) => [`proxy_pass ${target};`, ...headers, ...rest]);
  const answers = fc.oneof(
    { weight: 12, arbitrary: passing },
    { weight: 2, arbitrary: fc.constant(['return 200 "$server_name $uri";']) },
    { weight: 1, arbitrary: pick([['return 404;'], ['return 301 /moved$uri;'], ['return 444;'], ['return 403;']]) },
    {
      weight: 2,
      arbitrary: pick([['try_files /none =404;'], ['try_files $uri @named;'], ['try_files $uri /b/$args;']]),
    },
    { weight: 1, arbitrary: fc.constant([]) },
  );
  const pages = pick([
    [],
    [],
    ['error_page 404 /b/missing;'],
    ['error_page 403 405 = @named;'],
    ['error_page 404 =200 /a/page;', 'recursive_error_pages on;'],
    ['error_page 404 http://elsewhere.example/;'],
  ]);
  const access = pick([
    [],
    [],
    [],
    [],
    [],
    [],
    [],
    [],
    ['deny 127.0.0.1;'],
    ['allow 127.0.0.1;', 'deny all;'],
    ['internal;'],
  ]);
  return fc.tuple(some(STEPS, 2), pages, access, answers, fc.nat(9)).map(([steps, page, rules, answer, more]) => {
    if (!settings) return [];
    const lines = [...steps, ...page, ...(kind === 'named' ? [] : rules), ...answer];
    if (more === 0) lines.push('if-($arg_x = 1) proxy_pass http://127.0.0.1:%%B%%;');
    if (more === 1) lines.push('if-($http_x_test) return 200 if;');
    if (more === 2) lines.push('limit_except GET { deny all; }');
    return lines;
  });
}

function location(depth: number, settings: boolean): fc.Arbitrary<Location> {
  const inner = depth === 0 ? fc.constant<Location[]>([]) : fc.array(location(depth - 1, settings), { maxLength: 2 });
  const prefix = fc
    .tuple(pick(PREFIXES), pick(['', '', '', '= ', '^~ ']), body('prefix', settings), inner)
    .map(([name, modifier, lines, nested]): Location => {
      const inside = modifier === '= ' ? [] : nested.filter(({ head }) => fits(head, name));
      return { head: `location ${modifier}"${name}"`, body: lines, inner: distinct(inside) };
    });
  const regex = fc.tuple(pick(PATTERNS), body('regex', settings), inner).map(([pattern, lines, nested]): Location => {
    const inside = nested.filter(({ head }) => isRegex(head));
    return { head: `location ${pattern}`, body: lines, inner: distinct(inside) };
  });
  return fc.oneof({ weight: 3, arbitrary: prefix }, { weight: 2, arbitrary: regex });
}

/** Whether a location may stand inside of one with that name. */
function fits(head: string, name: string): boolean {
  const own = /"(\/[^"]*)"$/.exec(head)?.[1];
  return isRegex(head) || own?.startsWith(name) === true;
}

function isRegex(head: string): boolean {
  return head.startsWith('location ~');
}

/** Each static location once; a name counts with `=` and without. */
function distinct(locations: readonly Location[]): Location[] {
  const seen = new Set<string>();
  return locations.filter(({ head }) => {
    const key = head.replace('^~ ', '');
    return isRegex(head) || seen.size < seen.add(key).size;
  });
}

/** A location for whatever no other is for. */
function root(settings: boolean): fc.Arbitrary<Location> {
  return body('prefix', settings).map((lines) => ({ head: 'location "/"', body: lines, inner: [] }));
}

function server(settings: boolean): fc.Arbitrary<Server> {
  return fc.record({
    names: some(NAMES, 3),
    isDefault: fc.boolean(),
    settings: settings
      ? some(['merge_slashes off;', 'underscores_in_headers on;', 'server_name_in_redirect on;', ...HEADERS], 3)
      : some(['merge_slashes off;'], 1),
    steps: settings
      ? some(['set $v server;', 'rewrite ^/A(.*)$ /a$1;', 'if ($arg_z) { return 204; }'], 1)
      : fc.constant([]),
    locations: fc
      .tuple(fc.option(root(settings)), fc.array(location(1, settings), { maxLength: 6 }))
      .map(([first, rest]) => distinct(first === null ? rest : [first, ...rest])),
  });
}

/** One name for each block; what is compared is which of them answered. */
function write(servers: readonly Server[], returns: boolean): MarkedConfig {
  const text = new Text();
  let count = 0;
  const own = (mark: string): void => {
    if (returns) text.line(`return 200 "${mark} $server_name $uri";`);
    else text.line(`add_header X-Mark ${mark} always;`);
  };
  const write = ({ head, body: lines, inner }: Location): void => {
    const mark = `L${++count}`;
    text.open(head, mark);
    own(mark);
    for (const line of lines) {
      const [, condition, then] = /^if-(\(.*?\)) (.*)$/.exec(line) ?? [];
      if (condition === undefined) {
        text.line(line);
        // Requests handled in it inherit the mark of the location.
        if (/^(limit_except|if) /.test(line)) text.marks.set(lineOf(text), mark);
        continue;
      }
      text.open(`if ${condition}`, `${mark}if`);
      text.line(`add_header X-Mark ${mark}if always;`);
      text.line(then ?? '');
      text.close();
    }
    for (const each of inner) write(each);
    text.close();
  };
  text.line('map $http_upgrade $connection_upgrade { default upgrade; "" ""; }');
  text.line('access_log off;');
  if (!returns) {
    text.line('proxy_set_header X-Level http;');
    text.line('set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;');
    const peers = 'server 127.0.0.1:%%A%% weight=2; server 127.0.0.1:%%B%%; server 127.0.0.1:%%C%%;';
    text.line(`upstream round { ${peers} }`);
    text.line(`upstream hashed { hash $request_uri consistent; ${peers} }`);
    text.line(`upstream clients { ip_hash; ${peers} }`);
  }
  let chosen = false;
  servers.forEach(({ names, isDefault, settings, steps, locations }, i) => {
    const mark = `S${i}`;
    text.open('server', mark);
    text.line(`listen 127.0.0.1:%%PORT%%${isDefault && !chosen ? ' default_server' : ''};`);
    chosen ||= isDefault;
    if (names.length > 0) text.line(`server_name ${names.join(' ')};`);
    for (const line of [...settings, ...steps]) text.line(line);
    if (returns) {
      // At server level it would answer before any location is looked for.
      if (!locations.some(({ head }) => /^location (\^~ )?"\/"$/.test(head))) {
        text.open('location "/"', `${mark}-root`);
        own(`${mark}-root`);
        text.close();
      }
    } else {
      own(mark);
      text.open('location @named', `${mark}-named`);
      own(`${mark}-named`);
      text.line('proxy_pass http://127.0.0.1:%%C%%;');
      text.close();
    }
    for (const each of locations) write(each);
    text.close();
  });
  // Variables that are used somewhere must be made somewhere.
  text.line('server { listen 127.0.0.1:%%PORT%%; server_name "~^(?<sub>never)\\.invalid$"; set $v 1; set $w 1;');
  text.line('location ~ "^/(?<rest>never)$" { return 404; } }');
  return { text: text.toString(), marks: text.marks };
}

function lineOf(text: Text): number {
  return text.toString().split('\n').length - 1;
}

/** Configurations that rewrite, redirect and pass on. */
export const configurations: fc.Arbitrary<MarkedConfig> = fc
  .array(server(true), { minLength: 1, maxLength: 4 })
  .map((servers) => write(servers, false));

/** Configurations whose locations say only their names. */
export const choices: fc.Arbitrary<MarkedConfig> = fc
  .array(server(false), { minLength: 1, maxLength: 4 })
  .map((servers) => write(servers, true));

const FIELDS = [
  'Upgrade: websocket',
  'Connection: upgrade',
  'Connection: close',
  'Connection: keep-alive, X-Test',
  'X-Test: abc',
  'X-Forwarded-For: 192.0.2.1',
  'X-Real-IP: 198.51.100.7',
  'Cookie: s=1; t=2',
  'Accept-Encoding: gzip',
  'odd_name: 1',
  'X-Empty:',
  'User-Agent: property',
  'Keep-Alive: 300',
  'TE: trailers',
] as const;

const method = pick(['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);
const query = pick(['', '', '', '?x=1', '?x=1&y=a%20b', '?z=1', '?']);
const version = pick([' HTTP/1.1', ' HTTP/1.1', ' HTTP/1.1', ' HTTP/1.0']);

export const requests: fc.Arbitrary<GeneratedRequest> = fc
  .record({
    method,
    path: pick(PATHS),
    query,
    version,
    host: pick(HOSTS),
    fields: some(FIELDS, 4),
    body: pick(['', 'some text']),
  })
  .map(({ method: verb, path, query: args, version: http, host, fields, body: content }) => ({
    line: `${verb} ${path.includes('?') ? path : path + args}${http}`,
    host,
    fields: fields.map((field) => field),
    body: verb === 'POST' || verb === 'PUT' ? content : '',
  }));

/** Requests that any server takes alike. */
export const plainRequests: fc.Arbitrary<GeneratedRequest> = fc
  .record({ path: pick(PATHS), host: pick(HOSTS) })
  .map(({ path, host }) => ({ line: `GET ${path}`, host, fields: [], body: '' }));
