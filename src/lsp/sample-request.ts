/** Sample requests for servers and locations. */
import { Candidate } from '../lints/engine/reach.js';
import type { Scope } from '../lints/engine/scope.js';
import { listensOf, namesOf } from '../lints/engine/servers.js';

/** A request that a server or location is meant for, such as `GET http://shop.example/api/`; null if none is found. */
export function sampleRequest(scope: Scope): string | null {
  const server = scope.within('server');
  if (server === null) return null;
  const uri = scope.kind === 'server' ? '/' : uriOf(scope);
  const [listen] = listensOf(server);
  if (uri === null || listen === undefined || listen.port === '') return null;
  const scheme = listen.tls ? 'https' : 'http';
  const usual = listen.tls ? '443' : '80';
  return `GET ${scheme}://${hostOf(server)}${listen.port === usual ? '' : `:${listen.port}`}${uri}`;
}

function uriOf(scope: Scope): string | null {
  const words = scope.location;
  if (words === null || words.kind === 'named') return null;
  const uri = words.kind === 'regex' ? new Candidate(scope, words).example : words.name;
  return uri?.startsWith('/') === true && !/[\s#\\]/.test(uri) ? uri : null;
}

/** The first name that can be a host; a wildcard with its star replaced. */
function hostOf(server: Scope): string {
  const usable = namesOf(server).filter(
    (name) => !name.startsWith('~') && !name.includes('$') && /^[*.\w-]+$/.test(name),
  );
  const [name] = usable.filter((each) => each !== '_');
  if (name === undefined) return 'localhost';
  return name.replace(/^\*?\./, 'www.').replace(/\.\*$/, '.example');
}
