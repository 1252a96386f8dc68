/** nginx Plus's `ngx_http_auth_jwt_module`: access control by JSON Web Tokens. */

import type { Word } from '../../../grammar/syntax-tree.js';
import { choice, custom, either, milliseconds, named, text, word } from '../../config/argument-types.js';
import { definedVariable } from '../../config/assignment-argument.js';
import type { ConfOf, Context, Directives } from '../../config/directive.js';
import type { Place } from '../../config/place.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';
import { toBytes } from '../../diagnostics/byte-string.js';
import { Field } from '../../http/field-names.js';
import { CREDENTIAL_EXPIRY } from '../../program/credential-expiry.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { type Compiler, defineModule, type Handler, type Scope } from '../../program/module.js';
import type { ServerProgram } from '../../program/program.js';
import { StateKey } from '../../program/state-key.js';
import type { Template } from '../../program/template.js';
import { DONE, OK, type Verdict } from '../../program/verdict.js';
import type { KeySet } from './key-set.js';
import { KeyFile, KeyRequest, type KeySource, keyFileMessage, readKeyFile } from './key-sources.js';
import { checkTimes, loadJose, PACKAGES, TokenError, type VerifiedToken, verifyToken } from './token.js';

const CONTEXTS = ['http', 'server', 'location', 'limit_except'] as const satisfies readonly Context[];

interface JwtData {
  readonly realm: TemplateData;
  /** Source of the token; null: the `Authorization` field. */
  readonly token: TemplateData | null;
  readonly at: Place;
}

const jwt = either(
  'off',
  custom('string [token=$variable]', 1, 2, (words, c): JwtData => {
    const [realm, parameter] = words as readonly [Word, Word?]; // 1 or 2 words
    if (parameter !== undefined && !parameter.text.startsWith('token=$')) {
      c.fail(parameter, 'invalid-value', `invalid parameter "${parameter.text}"`, {
        help: 'the only parameter is token=$variable',
      });
    }
    const token = parameter === undefined ? null : parseTemplate(parameter, c, 'token='.length);
    return { realm: parseTemplate(realm, c), token, at: c.place(realm) };
  }),
);

interface KeyFileData {
  readonly path: TemplateData;
  /** Directory of a relative path. */
  readonly directory: string;
  readonly at: Place;
}

interface PathData {
  readonly variable: string;
  /** Names of claims or header members, from the outermost. */
  readonly path: readonly string[];
}

const pathVariable = custom('$variable name ...', 2, Number.POSITIVE_INFINITY, (words, c): PathData => {
  const [name, ...path] = words as readonly [Word, ...Word[]]; // at least two words: `min`
  return { variable: definedVariable(name, c), path: path.map((w) => w.text) };
});

interface RequirementData {
  readonly values: readonly TemplateData[];
  readonly status: 401 | 403;
}

const requirement = custom('$value ... [error=401 | 403]', 1, Number.POSITIVE_INFINITY, (words, c): RequirementData => {
  const values = words.filter((w) => !w.text.startsWith('error='));
  const [error, second] = words.filter((w) => w.text.startsWith('error='));
  const status = error === undefined || error.text === 'error=401' ? 401 : 403;
  if (second !== undefined || (status === 403 && error?.text !== 'error=403')) {
    c.fail(second ?? error ?? c.statement, 'invalid-value', `invalid parameter "${(second ?? error)?.text}"`, {
      help: 'error may be 401 or 403',
    });
  }
  if (values.length === 0) c.fail(c.statement, 'argument-count', `no values in "${c.directive}" directive`);
  for (const w of values) {
    if (!w.text.startsWith('$')) c.fail(w, 'invalid-variable', `invalid variable name "${w.text}"`);
  }
  return { values: values.map((w) => parseTemplate(w, c)), status };
});

const directives = {
  auth_jwt: {
    contexts: CONTEXTS,
    takes: jwt,
    packages: PACKAGES,
    links: (value: 'off' | JwtData) => ({
      meaning: value === 'off' ? value : { realm: value.realm, token: value.token },
    }),
    doc: 'Requires a valid JSON Web Token, from the field `Authorization: Bearer ...` or from the variable of `token` (a cookie, an argument). The string is the realm of the challenge. Without a valid token the response is 401; if the keys are not available, 500. The token must be signed with a key of `auth_jwt_key_file` or `auth_jwt_key_request` whose type fits its algorithm and whose identifier equals its `kid`, if it has one. `off` cancels the setting inherited from the enclosing level.',
    example: 'auth_jwt "api";',
  },
  auth_jwt_type: {
    contexts: CONTEXTS,
    takes: choice('signed', 'encrypted', 'nested'),
    default: 'signed',
    doc: 'The kind of tokens: signed (JWS), encrypted (JWE), or signed and then encrypted.',
    example: 'auth_jwt_type encrypted;',
  },
  auth_jwt_key_file: {
    contexts: CONTEXTS,
    takes: word(
      'file',
      (w, c): KeyFileData => ({ path: parseTemplate(w, c), directory: c.path('', 'conf'), at: c.place(w) }),
    ),
    repeat: true,
    links: ({ path, directory }: KeyFileData) => ({ meaning: { path, directory } }),
    doc: 'File with a JSON Web Key Set. It is read again when it changes; if the new content is malformed, the previous one stays in force. May be repeated, and combined with `auth_jwt_key_request`; a block with `auth_jwt_key_file` of its own inherits none.',
    example: 'auth_jwt_key_file keys.json;',
  },
  auth_jwt_key_request: {
    contexts: CONTEXTS,
    takes: named('uri', text),
    repeat: true,
    doc: 'Fetches a JSON Web Key Set by a subrequest to the URI. May be repeated; a block with `auth_jwt_key_request` of its own inherits none.',
    example: 'auth_jwt_key_request /jwks;',
  },
  auth_jwt_key_cache: {
    contexts: ['http', 'server', 'location'],
    takes: milliseconds,
    default: '0',
    doc: 'Time for which keys of `auth_jwt_key_request` are used before they are fetched again; by default they are fetched for each request. Requests that need them meanwhile wait for the same subrequest.',
    example: 'auth_jwt_key_cache 10m;',
  },
  auth_jwt_leeway: {
    contexts: ['http', 'server', 'location'],
    takes: milliseconds,
    default: '0s',
    doc: 'Tolerated difference of clocks for the claims `exp` and `nbf`.',
    example: 'auth_jwt_leeway 30s;',
  },
  auth_jwt_require: {
    contexts: CONTEXTS,
    takes: requirement,
    repeat: true,
    doc: 'Further conditions after the token has been verified: no value may be empty or `0`. The response is 401, or 403 with `error=403`. A block with `auth_jwt_require` of its own inherits none.',
    example: 'auth_jwt_require $jwt_claim_email error=403;',
  },
  auth_jwt_claim_set: {
    contexts: ['http'],
    takes: pathVariable,
    repeat: true,
    links: ({ variable }: PathData) => ({ name: `$${variable}` }),
    doc: 'Defines a variable with the value of a claim; further names select a member of an object. Elements of an array are separated by commas.',
    example: 'auth_jwt_claim_set $city address city;',
  },
  auth_jwt_header_set: {
    contexts: ['http'],
    takes: pathVariable,
    repeat: true,
    links: ({ variable }: PathData) => ({ name: `$${variable}` }),
    doc: 'Defines a variable with the value of a member of the token header.',
    example: 'auth_jwt_header_set $key_id kid;',
  },
} as const satisfies Directives;

type Conf = ConfOf<typeof directives>;

const TOKEN = new StateKey<VerifiedToken>('jwt', 'request');

/** A value as byte string; undefined if there is none. */
function asText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value.map((element) => asText(element) ?? '').join(',');
  const string = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return toBytes(string);
}

function member(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

interface Requirement {
  readonly values: readonly Template[];
  readonly status: 401 | 403;
}

/** The check of one location. */
class TokenAuthorization {
  constructor(
    private readonly realm: Template,
    private readonly source: Template | null,
    private readonly keySources: readonly KeySource[],
    private readonly requirements: readonly Requirement[],
    private readonly conf: Conf,
  ) {}

  readonly handle: Handler = (x) => {
    const token = this.source === null ? bearerToken(x) : this.source.of(x);
    if (token === '') {
      logError(x, 'info', 'no JSON Web Token was provided');
      return this.challenge(x, '');
    }
    return this.authorize(x, token);
  };

  private async authorize(x: Exchange, token: string): Promise<Verdict> {
    let failure: TokenError | null = null;
    let unavailable = false;
    for (const source of this.keySources) {
      const keys = await source.keys(x);
      if (x.finished) return DONE;
      if (keys === null) {
        unavailable = true;
        continue;
      }
      failure = await this.tryKeys(x, token, keys);
      if (x.finished) return DONE;
      if (failure === null) return this.checkRequirements(x);
    }
    // A key that could not be read may be the right one, so that the token is not known to be invalid.
    if (unavailable) return 500;
    logError(x, 'error', `JSON Web Token was rejected: ${failure?.message ?? 'there are no keys'}`);
    return this.challenge(x, 'invalid_token');
  }

  private async tryKeys(x: Exchange, token: string, keys: KeySet): Promise<TokenError | null> {
    try {
      const verified = await verifyToken(token, this.conf.auth_jwt_type, keys);
      checkTimes(verified, Date.now(), this.conf.auth_jwt_leeway);
      x.setState(TOKEN, verified);
      const { exp } = verified.claims;
      if (typeof exp === 'number') x.setState(CREDENTIAL_EXPIRY, exp * 1000 + this.conf.auth_jwt_leeway);
      return null;
    } catch (error) {
      if (error instanceof TokenError) return error;
      throw error;
    }
  }

  private checkRequirements(x: Exchange): Verdict {
    for (const { values, status } of this.requirements) {
      for (const value of values) {
        const found = value.of(x);
        if (found !== '' && found !== '0') continue;
        logError(x, 'error', 'JSON Web Token was rejected: a value of "auth_jwt_require" is empty or "0"');
        return status === 401 ? this.challenge(x, 'invalid_token') : status;
      }
    }
    return OK;
  }

  /** RFC 6750 3. */
  private challenge(x: Exchange, error: string): Verdict {
    const reason = error === '' ? '' : `, error="${error}"`;
    x.response.add('WWW-Authenticate', `Bearer realm="${this.realm.of(x)}"${reason}`);
    return 401;
  }
}

function bearerToken(x: Exchange): string {
  return /^bearer +([^\s,]+) *$/i.exec(x.headers.valueOf(Field.Authorization) ?? '')?.[1] ?? '';
}

/** Key requests by server: locations share the keys that they cache. */
const requests = new WeakMap<ServerProgram, Map<string, KeyRequest>>();

function keyRequest(uri: string, cacheTime: number, server: ServerProgram | null): KeyRequest {
  if (server === null) return new KeyRequest(uri, cacheTime);
  let known = requests.get(server);
  if (known === undefined) requests.set(server, (known = new Map()));
  const key = `${cacheTime} ${uri}`;
  let request = known.get(key);
  if (request === undefined) known.set(key, (request = new KeyRequest(uri, cacheTime)));
  return request;
}

async function checkKeyFile({ path, directory, at }: KeyFileData, compiler: Compiler): Promise<void> {
  if (typeof path !== 'string') return;
  const full = path.startsWith('/') ? path : directory + path;
  try {
    const { importJWK } = await loadJose();
    await readKeyFile(full).validate(importJWK);
  } catch (error) {
    compiler.fail(keyFileMessage(full, error), at);
  }
}

function compile(conf: Conf, { compiler, server }: Scope): Handler | null {
  const { auth_jwt: setting, auth_jwt_key_file: files, auth_jwt_key_request: uris } = conf;
  if (setting === undefined || setting === 'off') return null;
  if (files.length === 0 && uris.length === 0) {
    compiler.fail('"auth_jwt" requires "auth_jwt_key_file" or "auth_jwt_key_request"', setting.at);
  }
  compiler.whenServing(async () => void (await loadJose()));
  for (const file of files) compiler.await(checkKeyFile(file, compiler));
  const sources: KeySource[] = [
    ...files.map(({ path, directory }) => new KeyFile(compiler.template(path), directory)),
    ...uris.map((uri) => keyRequest(uri, conf.auth_jwt_key_cache, server)),
  ];
  const requirements = conf.auth_jwt_require.map(({ values, status }) => ({
    values: values.map((value) => compiler.template(value)),
    status,
  }));
  const token = setting.token === null ? null : compiler.template(setting.token);
  return new TokenAuthorization(compiler.template(setting.realm), token, sources, requirements, conf).handle;
}

export default defineModule({
  name: 'auth_jwt',
  doc: 'Restricts access by JSON Web Tokens (JWT); compatible with the module of nginx Plus.',
  directives,
  variables: {
    'jwt_claim_*': {
      family: (name) => (x) => asText(member(x.state(TOKEN)?.claims, [name])),
      doc: 'Value of a claim of the verified token; `auth_jwt_claim_set` reaches nested ones and names with capital letters.',
    },
    'jwt_header_*': {
      family: (name) => (x) => asText(member(x.state(TOKEN)?.header, [name])),
      doc: 'Value of a member of the header of the verified token.',
    },
    jwt_payload: {
      get: (x) => x.state(TOKEN)?.payload,
      doc: 'Decrypted content of an encrypted token: its claims, or the signed token of a nested one.',
    },
  },
  http(conf, _block, compiler) {
    for (const { variable, path } of conf.auth_jwt_claim_set) {
      compiler.define(variable, (x) => asText(member(x.state(TOKEN)?.claims, path)));
    }
    for (const { variable, path } of conf.auth_jwt_header_set) {
      compiler.define(variable, (x) => asText(member(x.state(TOKEN)?.header, path)));
    }
  },
  phases: {
    access: { order: 250, compile },
  },
});
