import { firstOf } from '../config/pcre/first.js';
import type { Node } from '../config/pcre/syntax.js';
import { isInternal } from './engine/access.js';
import { capturesOf } from './engine/captures.js';
import { defineLint, type LintContext } from './engine/lint.js';
import { type Pass, passesOfLocations } from './engine/pass.js';
import { mayHold, nodesOf } from './engine/regex.js';
import type { Scope } from './engine/scope.js';
import { assignedFor } from './engine/values.js';
import { piecesOf } from './engine/variables.js';

/** Sent by the client as it likes. */
const SENT = /^(?:(?:arg|http|cookie)_\w+|uri|document_uri|request_uri|args|query_string)$/;

const DEEPEST = 6;

export default defineLint({
  code: 'proxy-pass-client-host',
  severity: 'warning',
  on: 'proxy_pass grpc_pass',
  story:
    'Where a request goes is taken from the request itself, so that a client can have the proxy talk to any host that it reaches: services without a password in the same network, the metadata of a cloud (server-side request forgery). Choose the host by a `map` of known values, let the expression match only what is meant, or make the location `internal` where the back end chooses.',
  check(c) {
    for (const pass of passesOfLocations(c)) {
      const { scope, statement, word } = pass;
      if (!word.text.includes('$') || !/^(?:proxy|grpc)_pass$/.test(statement.name.text) || isHidden(scope)) continue;
      look(c, scope, pass);
    }
  },
});

function look(c: LintContext, scope: Scope, pass: Pass): void {
  const [first] = piecesOf(pass.word.text);
  // Before "://" there is room for a whole address: "http://inside/?" makes a query of what follows.
  if (typeof first === 'object' && first.variable !== 'scheme' && /^\$[^:]*:\/\//.test(pass.word.text)) {
    const why = sentBy(c, scope, first.variable, { begins: true, ends: true });
    if (why !== null) {
      c.report(pass.word, `the client chooses the host of "${pass.word.text}"`, {
        help: `${why}, and may be "http://another.host/?"; choose the scheme by a map of known values`,
      });
      return;
    }
  }
  const scheme = /^[a-z]*:\/\//i.test(pass.word.text) ? 'http://' : '';
  const variables = hostVariables(scheme + pass.authority, (name) => closesHost(c, scope, name));
  for (const { variable, begins } of variables) {
    const ends = pass.authority.endsWith(`$${variable}`) || pass.authority.endsWith('}');
    const why = sentBy(c, scope, variable, { begins, ends });
    if (why === null) continue;
    c.report(pass.word, `the client chooses the host of "${pass.word.text}"`, {
      help: `${why}; choose it by a map of known hosts, or make the location internal`,
    });
    return;
  }
}

/** Where in the host a variable stands. */
interface Position {
  readonly begins: boolean;
  readonly ends: boolean;
}

/** Why a client has a variable in its hands; null where it has not. */
function sentBy(c: LintContext, scope: Scope, variable: string, place: Position, depth = 0): string | null {
  if (depth > DEEPEST || variable === 'http_host' || variable === 'http_upgrade') return null;
  const assigned = assignedFor(c, variable, scope);
  if (assigned.length === 0 && SENT.test(variable)) {
    // A path behind a constant host begins with "/".
    if (!place.begins && /^(?:uri|document_uri|request_uri)$/.test(variable)) return null;
    return `"$${variable}" is what the client sends`;
  }
  for (const { body, pattern, subject } of capturesOf(c, scope, variable)) {
    if (pattern.directive === 'server_name' || subject === 'host' || subject === 'http_host') continue;
    if (/^(?:ssl|upstream|jwt|remote|server)_/.test(subject)) continue;
    const first = firstOf(body);
    // Behind the constant part of a host, what begins with "/" is a path.
    if (!place.begins && !first.nullable && first.set.bytes.join() === '47') continue;
    // A label of a name with a constant rest.
    const wild = [...'./:@?#'].some((character) => mayHold(body, character.charCodeAt(0)));
    if (!wild && !(place.begins && place.ends)) continue;
    if (isListed(body)) continue;
    return `"$${variable}" is what "${pattern.text}" matches`;
  }
  for (const { value, scope: holder } of assigned) {
    // A map of known values chooses; only one that hands through what it was given does not.
    for (const { variable: inner, begins } of hostVariables(value.text)) {
      const why = sentBy(c, holder, inner, { begins: place.begins && begins, ends: place.ends }, depth + 1);
      if (why !== null) return why;
    }
  }
  return null;
}

/** Whether all values of a variable are constants that end behind the host: with a port, or a path. */
function closesHost(c: LintContext, scope: Scope, variable: string): boolean {
  const assigned = assignedFor(c, variable, scope);
  return (
    assigned.length > 0 && assigned.every(({ value }) => /^(?:https?:\/\/)?[^/:$]+(?::\d+|\/[^$]*)$/.test(value.text))
  );
}

/**
 * The variables in the host of a value, which may be a whole URL; what follows a port, a path or a query is not in it.
 *
 * @param closes whether a variable holds all of the host and more
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

/** Whether an expression matches a few texts only, each of them written out. */
function isListed(body: Node): boolean {
  for (const node of nodesOf(body)) {
    if (node.kind === 'repeat' && node.max > 1) return false;
    if (node.kind === 'reference' || (node.kind === 'set' && node.set.bytes.length > 2)) return false;
  }
  return true;
}

/** The back end, not the client, chooses what comes to the location. */
function isHidden(scope: Scope): boolean {
  return isInternal(scope) || scope.within('location')?.location?.kind === 'named';
}
