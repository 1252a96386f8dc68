/** nginx's `ngx_http_auth_basic_module`: user names and passwords by Basic authentication (RFC 7617). */
import { readFileSync } from 'node:fs';
import { named, template, word } from '../config/argument-types.js';
import type { ConfOf, Context, Directives } from '../config/directive.js';
import type { Place } from '../config/place.js';
import type { TemplateData } from '../config/template.js';
import { parseTemplate } from '../config/template-parser.js';
import { errnoText } from '../diagnostics/errno.js';
import { errorCode } from '../exchange/file-error.js';
import { nativePath } from '../files/native-path.js';
import { ParsedFiles } from '../files/parsed-files.js';
import { type BasicCredentials, basicCredentials, sentCredentials } from '../http/basic-credentials.js';
import { effortOf, formatName, matchesHash } from '../passwords/crypt.js';
import { keyedHash } from '../passwords/keyed-hash.js';
import { type PasswordEntry, PasswordFile } from '../passwords/password-file.js';
import { loadThreadCode, PasswordVerifier, VerificationError } from '../passwords/verifier.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { type Compiler, defineModule, type Handler, type Scope } from '../program/module.js';
import type { Template } from '../program/template.js';
import { DONE, NEXT, OK, type Verdict } from '../program/verdict.js';

const CONTEXTS = ['http', 'server', 'location', 'limit_except'] as const satisfies readonly Context[];
/** Credentials that are remembered as correct, per file. */
const MAX_VERIFIED = 4096;

interface UserFile {
  readonly path: TemplateData;
  /** Directory of a relative path. */
  readonly directory: string;
  readonly at: Place;
}

const directives = {
  auth_basic: {
    contexts: CONTEXTS,
    takes: named('string | off', template),
    doc: 'Requires a user name and a password of `auth_basic_user_file` (401 without them; requests with CONNECT send them to the proxy, as `Proxy-Authorization`, and get 407); the string, which may contain variables, is the realm that clients show. `off` cancels the setting inherited from the enclosing level.',
    example: 'auth_basic "closed site";',
  },
  auth_basic_user_file: {
    contexts: CONTEXTS,
    takes: named(
      'file',
      word('file', (w, c): UserFile => ({ path: parseTemplate(w, c), directory: c.path('', 'conf'), at: c.place(w) })),
    ),
    links: ({ path, directory }: UserFile) => ({ meaning: { path, directory } }),
    doc: 'File with a line `user:hash` for each user; lines that start with `#` are comments. Formats: the hashes of crypt(3) (DES, `$1$`, `$5$`, `$6$`), of Apache (`$apr1$`), bcrypt (`$2a$`, `$2b$`, `$2y$`), `{SHA}`, `{SSHA}` and `{PLAIN}`. Users with a hash in another format are rejected, and the format is logged. A file is read again when it changes; if no line of the new content is valid, the previous one stays in force. Slow hashes are computed by threads with low priority, which use at most half of the time of a processor each; passwords of different client addresses are verified in turn. A password is answered with 503 if 256 others (or 32 of the same address) are waiting, or if it has waited for 10 seconds. A file that is missing closes the location with 403, an unreadable one with 500.',
    example: 'auth_basic_user_file htpasswd;',
    differs:
      'A file (without variables in its name) with a line that is not `user:hash` is an error when the configuration is loaded; nginx ignores the line. Hashes of `$y$` (yescrypt) and other formats of some libraries are not supported.',
    differsFor: () => false,
  },
} as const satisfies Directives;

const files = new ParsedFiles<PasswordFile>((text, previous) => new PasswordFile(text, previous));
const verifier = new PasswordVerifier();
interface Verification {
  readonly result: Promise<boolean>;
  /** Requests that need the result. */
  readonly exchanges: Exchange[];
}

/** Verifications in progress, by file and key: equal credentials are verified once. */
const pending = new WeakMap<PasswordFile, Map<string, Verification>>();

/**
 * Keys of the last credentials of each connection: clients repeat them with each request, and the connection keeps its last head
 * as well.
 */
const lastKeys = new WeakMap<object, { readonly field: string; readonly key: string }>();

/** Key by which the credentials of a request are remembered. */
function keyOf({ headers }: Exchange, field: string): string {
  const last = lastKeys.get(headers);
  if (last !== undefined && last.field === field) return last.key;
  const key = keyedHash(field);
  lastKeys.set(headers, { field, key });
  return key;
}

/** The check of one location. */
class BasicAuthentication {
  constructor(
    private readonly realm: Template,
    private readonly path: Template,
    private readonly directory: string,
  ) {}

  readonly handle: Handler = (x) => {
    const realm = this.realm.of(x);
    if (realm === 'off') return NEXT;
    const field = sentCredentials(x);
    const path = absolute(this.path.of(x), this.directory);
    let file: PasswordFile | null = null;
    let failure: unknown = null;
    try {
      file = files.get(nativePath(path));
    } catch (error) {
      failure = error;
    }
    if (file !== null && file.malformed.length > 0) reportMalformed(x, path, file);
    const key = field === undefined ? '' : keyOf(x, field);
    if (file?.verified.has(key) === true) return OK;
    const credentials = basicCredentials(field);
    if (credentials === null) {
      logError(x, 'info', 'no user/password was provided for basic authentication');
      return challenge(x, realm);
    }
    if (file === null) return unreadable(x, path, failure);
    return this.verify(x, realm, path, file, key, credentials);
  };

  private verify(
    x: Exchange,
    realm: string,
    path: string,
    file: PasswordFile,
    key: string,
    { user, password }: BasicCredentials,
  ): Verdict | Promise<Verdict> {
    const entry = file.entries.get(user);
    if (entry === undefined) {
      logError(x, 'error', `user "${user}" was not found in "${path}"`);
      return challenge(x, realm);
    }
    const effort = effortOf(entry.hash);
    if (effort === null) {
      logUnsupported(x, user, path, entry);
      return challenge(x, realm);
    }
    const decide = (matches: boolean): Verdict => {
      if (matches) {
        remember(file, key);
        return OK;
      }
      logError(x, 'error', `user "${user}": password mismatch`);
      return challenge(x, realm);
    };
    if (effort === 'fast') return decide(matchesHash(password, entry.hash));
    return verifyOnce(x, file, key, password, entry.hash).then(
      (matches) => (x.finished ? DONE : decide(matches)),
      (error: unknown) => {
        if (!(error instanceof VerificationError)) throw error;
        logError(x, error.overload ? 'error' : 'crit', error.message);
        return error.overload ? 503 : 500;
      },
    );
  }
}

const reported = new WeakSet<PasswordFile>();

/** Logs the malformed lines of a file that was changed since the configuration was loaded; once per content. */
function reportMalformed(x: Exchange, path: string, file: PasswordFile): void {
  const [line] = file.malformed;
  if (line === undefined || reported.has(file)) return;
  reported.add(file);
  logError(x, 'error', malformed(path, line));
}

function malformed(path: string, line: number): string {
  return `malformed line, not "user:hash", in password file ${path}:${line}`;
}

function absolute(path: string, directory: string): string {
  return path.startsWith('/') ? path : directory + path;
}

function challenge(x: Exchange, realm: string): Verdict {
  const scheme = `Basic realm="${realm}"`;
  if (x.method === 'CONNECT') {
    x.response.add('Proxy-Authenticate', scheme);
    return 407;
  }
  x.response.add('WWW-Authenticate', scheme);
  return 401;
}

function unreadable(x: Exchange, path: string, error: unknown): Verdict {
  const missing = errorCode(error) === 'ENOENT';
  const call = errorCode(error) === 'EISDIR' ? 'read' : 'open';
  logError(x, missing ? 'error' : 'crit', `${call}() "${path}" failed (${errnoText(error)})`);
  return missing ? 403 : 500;
}

function logUnsupported(x: Exchange, user: string, path: string, { hash, line }: PasswordEntry): void {
  const format = formatName(hash);
  logError(x, 'crit', `crypt() failed: unsupported password format "${format}" of user "${user}" in ${path}:${line}`);
}

function remember(file: PasswordFile, key: string): void {
  const { verified } = file;
  for (const oldest of verified) {
    if (verified.size < MAX_VERIFIED) break;
    verified.delete(oldest);
  }
  verified.add(key);
}

function verifyOnce(x: Exchange, file: PasswordFile, key: string, password: string, hash: string): Promise<boolean> {
  let jobs = pending.get(file);
  if (jobs === undefined) pending.set(file, (jobs = new Map()));
  const running = jobs.get(key);
  if (running !== undefined) {
    running.exchanges.push(x);
    return running.result;
  }
  const exchanges = [x];
  const result = verifier.verify(x.remoteAddress, password, hash, () => exchanges.some(({ finished }) => !finished));
  jobs.set(key, { result, exchanges });
  const forget = () => jobs.delete(key);
  result.then(forget, forget);
  return result;
}

/**
 * Rejects the configuration if a password file is malformed; files that cannot be read close their locations later. Its
 * content is not cached, because this process may still run as another user.
 */
function checkFile({ path, directory, at }: UserFile, compiler: Compiler): void {
  if (typeof path !== 'string') return;
  const full = absolute(path, directory);
  let file: PasswordFile;
  try {
    file = new PasswordFile(readFileSync(nativePath(full), 'latin1'));
  } catch {
    return;
  }
  const [line] = file.malformed;
  if (line !== undefined) compiler.fail(malformed(full, line), at);
}

function compile(conf: ConfOf<typeof directives>, { compiler }: Scope): Handler | null {
  const { auth_basic: realm, auth_basic_user_file: file } = conf;
  if (realm === undefined || realm === 'off' || file === undefined) return null;
  checkFile(file, compiler);
  compiler.whenServing(async () => void loadThreadCode());
  return new BasicAuthentication(compiler.template(realm), compiler.template(file.path), file.directory).handle;
}

export default defineModule({
  name: 'auth_basic',
  doc: 'Restricts access to users with a name and a password.',
  directives,
  phases: {
    access: { order: 200, compile },
  },
});
