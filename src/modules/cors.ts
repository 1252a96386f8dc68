/** Cross-Origin Resource Sharing (https://fetch.spec.whatwg.org/#http-cors-protocol). An extension of tsproxy. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, either } from '../config/argument-types.js';
import type { ArgumentContext, Context, Directives } from '../config/directive.js';
import { parsePattern } from '../config/pattern.js';
import type { PatternData } from '../config/template.js';
import { parseSeconds } from '../config/units.js';
import { isToken } from '../http/field-line.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { type CompiledPattern, type Compiler, defineModule } from '../program/module.js';
import { NEXT, type Verdict } from '../program/verdict.js';

const CONTEXTS = ['http', 'server', 'location', 'limit_except'] as const satisfies readonly Context[];
const DEFAULT_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const LIST_PARAMETERS = ['methods', 'headers', 'expose'] as const;

interface CorsData {
  /** Lower case; `*` stands for every origin. */
  readonly origins: readonly string[];
  /** Scheme with `://`, and domain with a leading dot and the port: `https://*.example.com:8443`. Lower case. */
  readonly wildcards: readonly { readonly scheme: string; readonly domain: string }[];
  readonly patterns: readonly PatternData[];
  readonly methods: readonly string[];
  /** Request fields; null: those that the preflight asks for. */
  readonly headers: readonly string[] | null;
  readonly expose: readonly string[];
  readonly credentials: boolean;
  /** Seconds; null: the client's default. */
  readonly maxAge: number | null;
}

/** Reads the words of one directive. */
class CorsReader {
  private readonly origins: string[] = [];
  private readonly wildcards: { readonly scheme: string; readonly domain: string }[] = [];
  private readonly patterns: PatternData[] = [];
  private readonly lists = new Map<string, readonly string[]>();
  private credentials = false;
  private maxAge: number | null = null;

  constructor(private readonly c: ArgumentContext) {}

  read(words: readonly Word[]): CorsData {
    for (const word of words) if (!this.readParameter(word)) this.readOrigin(word);
    const { origins, wildcards, patterns, credentials, lists, maxAge, c } = this;
    if (origins.length + wildcards.length + patterns.length === 0) {
      c.fail(c.statement, 'argument-count', `no origins in "${c.directive}" directive`);
    }
    if (credentials && origins.includes('*')) {
      c.fail(c.statement, 'invalid-value', `"credentials" requires a list of origins in "${c.directive}" directive`, {
        help: 'with every origin allowed, any page could act on behalf of its visitors',
      });
    }
    const methods = lists.get('methods') ?? DEFAULT_METHODS;
    const headers = lists.get('headers') ?? null;
    return { origins, wildcards, patterns, methods, headers, expose: lists.get('expose') ?? [], credentials, maxAge };
  }

  private readParameter(word: Word): boolean {
    const { text } = word;
    if (text === 'credentials') {
      this.credentials = true;
      return true;
    }
    if (text.startsWith('max_age=')) {
      const seconds = parseSeconds(text.slice('max_age='.length));
      this.maxAge = seconds ?? this.c.fail(word, 'invalid-value', `invalid value "${text}"`);
      return true;
    }
    const list = LIST_PARAMETERS.find((name) => text.startsWith(`${name}=`));
    if (list === undefined) return false;
    const names = text.slice(list.length + 1).split(',');
    const invalid = names.find((name) => !isToken(name));
    if (invalid !== undefined) {
      this.c.fail(word, 'invalid-value', `invalid value "${invalid}" in "${text}"`, {
        help: 'names are separated by commas, without spaces: methods=GET,POST',
      });
    }
    this.lists.set(list, names);
    return true;
  }

  private readOrigin(word: Word): void {
    const { text } = word;
    if (text.startsWith('~')) {
      const caseless = text.startsWith('~*');
      this.patterns.push(parsePattern(word, this.c, { caseless, from: caseless ? 2 : 1 }));
      return;
    }
    const lower = text.toLowerCase();
    const [, scheme = '', host = ''] = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#@\s*]+|\*\.[^/?#@\s*]+)$/.exec(lower) ?? [];
    if (host === '' && lower !== '*' && lower !== 'null') {
      this.c.fail(word, 'invalid-value', `invalid origin "${text}"`, {
        help: 'an origin is a scheme and a host, with a port if it is not the default one, and without a path: https://www.example.com, https://*.example.com, ~^https://[a-z]+\\.example\\.com$, *',
      });
    }
    if (host.startsWith('*.')) this.wildcards.push({ scheme, domain: host.slice(1) });
    else this.origins.push(lower);
  }
}

const directives = {
  cors: {
    contexts: CONTEXTS,
    takes: either(
      'off',
      custom(
        'origin ... [methods=name,...] [headers=name,...] [expose=name,...] [credentials] [max_age=time]',
        1,
        Number.POSITIVE_INFINITY,
        (words, c): CorsData => new CorsReader(c).read(words),
      ),
    ),
    doc: 'Lets pages of these origins read the responses (CORS). An origin is a scheme and a host (`https://www.example.com`), may have a wildcard for subdomains (`https://*.example.com`), or is a regular expression that matches the whole origin (`~^https://[a-z]+\\.example\\.com$`); `*` is every origin. Preflight requests are answered before access control: with 204, or with 403 if the origin is not allowed. `methods` (default: GET, HEAD, POST, PUT, PATCH, DELETE) and `headers` (default: those requested) are allowed in requests; `expose` lists response fields that pages may read; `credentials` allows cookies and requires a list of origins; `max_age` is the time for which clients may remember a preflight. The fields are added to all responses, including errors; `Access-Control-*` fields of an upstream are replaced. This is an extension of tsproxy; nginx has no such directive.',
    example: 'cors https://www.example.com https://*.example.org credentials max_age=1h;',
  },
} as const satisfies Directives;

/** Fields of responses that this module determines; those of an upstream are removed. */
const RESPONSE_FIELDS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
] as const;

/** The policy of one location. */
class CorsPolicy {
  private readonly origins: ReadonlySet<string>;
  private readonly every: boolean;
  private readonly patterns: readonly CompiledPattern[];

  constructor(
    private readonly data: CorsData,
    compiler: Compiler,
  ) {
    this.origins = new Set(data.origins);
    this.every = this.origins.has('*');
    this.patterns = data.patterns.map((pattern) => compiler.pattern(pattern));
  }

  private allows(x: Exchange, origin: string): boolean {
    const lower = origin.toLowerCase();
    if (this.every || this.origins.has(lower)) return true;
    for (const { scheme, domain } of this.data.wildcards) {
      if (!lower.startsWith(scheme) || !lower.endsWith(domain)) continue;
      if (/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(lower.slice(scheme.length, -domain.length))) return true;
    }
    return this.patterns.some((pattern) => pattern.test(x, origin) && x.captures?.[0] === origin);
  }

  /** Answers a preflight request. */
  readonly preflight = (x: Exchange): Verdict => {
    if (x.method !== 'OPTIONS' || x.nested !== null) return NEXT;
    const origin = x.headers.get('origin');
    if (origin === undefined || x.headers.get('access-control-request-method') === undefined) return NEXT;
    if (!this.allows(x, origin)) {
      logError(x, 'info', 'the origin of a preflight request is not allowed');
      return 403;
    }
    const { response } = x;
    const { methods, headers, maxAge } = this.data;
    response.add('Access-Control-Allow-Methods', methods.join(', '));
    const requested = x.headers.get('access-control-request-headers');
    const allowed = headers === null ? requested : headers.join(', ');
    if (allowed !== undefined) response.add('Access-Control-Allow-Headers', allowed);
    if (maxAge !== null) response.add('Access-Control-Max-Age', String(maxAge));
    if (headers === null) response.add('Vary', 'Access-Control-Request-Headers');
    return 204;
  };

  readonly addFields = (x: Exchange): void => {
    if (x.nested !== null) return;
    const { response } = x;
    for (const name of RESPONSE_FIELDS) response.remove(name);
    const origin = x.headers.get('origin');
    const { credentials, expose } = this.data;
    if (this.every) response.add('Access-Control-Allow-Origin', '*');
    else {
      // Caches must not return the response for one origin to another.
      const varies = response.all('vary').some((value) => /(?:^|[\s,])(?:origin|\*)(?:$|[\s,])/i.test(value));
      if (!varies) response.add('Vary', 'Origin');
      if (origin === undefined || !this.allows(x, origin)) return;
      response.add('Access-Control-Allow-Origin', origin);
      if (credentials) response.add('Access-Control-Allow-Credentials', 'true');
    }
    if (expose.length > 0) response.add('Access-Control-Expose-Headers', expose.join(', '));
  };
}

const policies = new WeakMap<CorsData, WeakMap<Compiler, CorsPolicy>>();

/** The policy of a value, compiled once per table. */
function policyOf(data: CorsData, compiler: Compiler): CorsPolicy {
  let compiled = policies.get(data);
  if (compiled === undefined) policies.set(data, (compiled = new WeakMap()));
  let policy = compiled.get(compiler);
  if (policy === undefined) compiled.set(compiler, (policy = new CorsPolicy(data, compiler)));
  return policy;
}

function compiled(value: 'off' | CorsData | undefined, compiler: Compiler): CorsPolicy | null {
  return value === undefined || value === 'off' ? null : policyOf(value, compiler);
}

export default defineModule({
  name: 'cors',
  doc: 'Cross-origin requests of browsers (CORS).',
  directives,
  phases: {
    rewrite: {
      // Before `return`, which would answer the preflight without its fields.
      order: 50,
      compile: (conf, at) => compiled(conf.cors, at.compiler)?.preflight ?? null,
    },
  },
  headerFilter: {
    order: 25,
    compile: (conf, at) => compiled(conf.cors, at.compiler)?.addFields ?? null,
  },
});
