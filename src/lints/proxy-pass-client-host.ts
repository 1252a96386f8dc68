import { firstOf } from '../config/pcre/first.js';
import type { Node } from '../config/pcre/syntax.js';
import { isInternal } from './engine/access.js';
import { capturesOf } from './engine/captures.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { type Pass, passesOfLocations } from './engine/pass.js';
import { mayContain, nodesOf } from './engine/regex.js';
import type { Scope } from './engine/scope.js';
import { assignedFor } from './engine/values.js';
import { piecesOf } from './engine/variables.js';

/** Variables that the client controls. */
const CLIENT_CONTROLLED = /^(?:(?:arg|http|cookie)_\w+|uri|document_uri|request_uri|args|query_string)$/;

const MAX_DEPTH = 6;

export default defineLint({
  code: 'proxy-pass-client-host',
  severity: 'warning',
  on: 'proxy_pass grpc_pass',
  story:
    'The upstream host is taken from the request itself, so a client can make the proxy connect to any host that it can reach: services without a password in the same network, or the metadata service of a cloud (server-side request forgery). Choose the host with a `map` of known values, restrict the expression to the intended hosts, or make the location `internal` if the back end chooses the host.',
  check(c) {
    for (const pass of passesOfLocations(c)) {
      const { scope, statement, word } = pass;
      if (!word.text.includes('$') || !/^(?:proxy|grpc)_pass$/.test(statement.name.text) || isHidden(scope)) continue;
      checkPass(c, scope, pass);
    }
  },
});

function checkPass(c: LintContext, scope: Scope, pass: Pass): void {
  const [first] = piecesOf(pass.word.text);
  // A variable before "://" may hold a whole URL: after "http://inside/?" the rest becomes the query.
  if (typeof first === 'object' && first.variable !== 'scheme' && /^\$[^:]*:\/\//.test(pass.word.text)) {
    const why = clientControl(c, scope, first.variable, { begins: true, ends: true });
    if (why !== null) {
      c.report(pass.word, `the client chooses the host of "${pass.word.text}"`, {
        help: `${why}, and may be "http://another.host/?"; choose the scheme with a map of known values`,
      });
      return;
    }
  }
  const scheme = /^[a-z]*:\/\//i.test(pass.word.text) ? 'http://' : '';
  const variables = hostVariables(scheme + pass.authority, (name) => closesHost(c, scope, name));
  for (const { variable, begins } of variables) {
    const ends = pass.authority.endsWith(`$${variable}`) || pass.authority.endsWith('}');
    const why = clientControl(c, scope, variable, { begins, ends });
    if (why === null) continue;
    c.report(pass.word, `the client chooses the host of "${pass.word.text}"`, {
      help: `${why}; choose it with a map of known hosts, or make the location internal`,
    });
    return;
  }
}

/** Position of a variable within the host. */
interface Position {
  readonly begins: boolean;
  readonly ends: boolean;
}

/** Reason why the client controls a variable; null if it does not. */
function clientControl(c: LintContext, scope: Scope, variable: string, position: Position, depth = 0): string | null {
  if (depth > MAX_DEPTH || variable === 'http_host' || variable === 'http_upgrade') return null;
  const assigned = assignedFor(c, variable, scope);
  if (assigned.length === 0 && CLIENT_CONTROLLED.test(variable)) {
    // A path after a constant host begins with "/".
    if (!position.begins && /^(?:uri|document_uri|request_uri)$/.test(variable)) return null;
    return `"$${variable}" is sent by the client`;
  }
  for (const { body, pattern, subject } of capturesOf(c, scope, variable)) {
    if (pattern.directive === 'server_name' || subject === 'host' || subject === 'http_host') continue;
    if (/^(?:ssl|upstream|jwt|remote|server)_/.test(subject)) continue;
    const first = firstOf(body);
    // After the constant part of a host, a value that begins with "/" is a path.
    if (!position.begins && !first.nullable && first.set.bytes.join() === '47') continue;
    // Otherwise it is one label of a name whose rest is constant.
    const wild = [...'./:@?#'].some((character) => mayContain(body, character.charCodeAt(0)));
    if (!wild && !(position.begins && position.ends)) continue;
    if (isListed(body)) continue;
    return `"$${variable}" is captured by "${pattern.text}"`;
  }
  for (const { value, scope: holder } of assigned) {
    // A map of known values is safe, unless a value passes client input through.
    for (const { variable: inner, begins } of hostVariables(value.text)) {
      const why = clientControl(
        c,
        holder,
        inner,
        { begins: position.begins && begins, ends: position.ends },
        depth + 1,
      );
      if (why !== null) return why;
    }
  }
  return null;
}

/** Whether all values of a variable are constants that complete the host, with a port or a path. */
function closesHost(c: LintContext, scope: Scope, variable: string): boolean {
  const assigned = assignedFor(c, variable, scope);
  return (
    assigned.length > 0 && assigned.every(({ value }) => /^(?:https?:\/\/)?[^/:$]+(?::\d+|\/[^$]*)$/.test(value.text))
  );
}

/**
 * The variables in the host of a value, which may be a whole URL; the host ends at a port, a path or a query.
 *
 * @param closes whether a variable contains the rest of the host
 */
function hostVariables(
  value: string,
  closes: (variable: string) => boolean = () => false,
): { readonly variable: string; readonly begins: boolean }[] {
  const found: { variable: string; begins: boolean }[] = [];
  let begins = true;
  for (const piece of piecesOf(value)) {
    if (typeof piece === 'string') {
      const rest = piece.replace(/^(?:https?|grpcs?)?:\/\//, '');
      if (/[/?]|:\d/.test(rest)) break;
      if (rest !== '') begins = false;
    } else if (piece.variable === 'is_args') {
      break;
    } else if (piece.variable !== 'scheme') {
      found.push({ variable: piece.variable, begins });
      if (closes(piece.variable)) break;
      begins = false;
    }
  }
  return found;
}

/** Whether an expression matches only a few enumerated texts. */
function isListed(body: Node): boolean {
  for (const node of nodesOf(body)) {
    if (node.kind === 'repeat' && node.max > 1) return false;
    if (node.kind === 'reference' || (node.kind === 'set' && node.set.bytes.length > 2)) return false;
  }
  return true;
}

/** Whether only internal requests reach the location, so that the back end, not the client, chooses the host. */
function isHidden(scope: Scope): boolean {
  return isInternal(scope) || scope.within('location')?.location?.kind === 'named';
}
