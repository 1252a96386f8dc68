/** nginx's `ngx_http_auth_request_module`: access control by the response to a subrequest. */
import { orOff, text } from '../config/argument-types.js';
import { assignment } from '../config/assignment-argument.js';
import type { ConfOf, Context, Directives } from '../config/directive.js';
import { outgrown } from '../exchange/growth.js';
import { logError } from '../program/error-context.js';
import type { Exchange, Subrequest, SubrequestSink } from '../program/exchange.js';
import { defineModule, type Handler, type Scope } from '../program/module.js';
import type { Template } from '../program/template.js';
import type { Variable } from '../program/variable.js';
import { DONE, OK, type Verdict } from '../program/verdict.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];

const directives = {
  auth_request: {
    contexts: CONTEXTS,
    takes: orOff({ ...text, syntax: 'uri' }),
    doc: 'Permits a request if a subrequest to the given URI responds with 2xx; 401 (with its `WWW-Authenticate` fields) and 403 are returned to the client; any other status is an error (500). The subrequest has the fields of the request, the method GET and no body.',
    example: 'auth_request /auth;',
  },
  auth_request_set: {
    contexts: CONTEXTS,
    takes: assignment,
    repeat: true,
    doc: 'Sets a variable when the authorization subrequest is complete. The value may contain variables of the subrequest, such as `$upstream_http_x_user`. A block with `auth_request_set` of its own inherits none.',
    example: 'auth_request_set $user $upstream_http_x_user;',
  },
} as const satisfies Directives;

interface Assignment {
  readonly variable: Variable;
  readonly value: Template;
}

/** Authorization by a subrequest, for one location. */
class RequestAuthorization {
  constructor(
    private readonly uri: string,
    private readonly assignments: readonly Assignment[],
  ) {}

  readonly handle: Handler = (x) => {
    const sink = new AuthorizationSink(x, this);
    return x.subrequest(this.uri, '', { sink, headOnly: true, atOnce: true }) === null ? 500 : DONE;
  };

  /** Assigns the variables, and returns the verdict. */
  conclude(x: Exchange, { exchange, status }: Subrequest): Verdict {
    // Assigned at once, so that the values survive internal redirects.
    for (const { variable, value } of this.assignments) {
      const assigned = value.of(exchange);
      if (outgrown(x, assigned.length)) {
        logError(x, 'error', `too long value of the variable "${variable.name}"`);
        return 500;
      }
      variable.assign(x, assigned);
    }
    if (status === 403) return status;
    if (status === 401) {
      for (const challenge of challenges(exchange)) x.response.add('WWW-Authenticate', challenge);
      return status;
    }
    if (status >= 200 && status < 300) return OK;
    logError(x, 'error', `auth request unexpected status: ${status}`);
    return 500;
  }
}

/** Challenges of the subrequest's response; those of the upstream if they were hidden or replaced. */
function challenges({ response, upstreamHeaders }: Exchange): readonly string[] {
  const sent = response.all('www-authenticate');
  return sent.length > 0 || upstreamHeaders === null ? sent : upstreamHeaders.all('www-authenticate');
}

class AuthorizationSink implements SubrequestSink {
  constructor(
    private readonly x: Exchange,
    private readonly authorization: RequestAuthorization,
  ) {}
  chunk(): boolean {
    return true;
  }
  done(subrequest: Subrequest): void {
    this.x.resume(this.authorization.conclude(this.x, subrequest));
  }
}

function compile(conf: ConfOf<typeof directives>, { compiler }: Scope): Handler | null {
  // Defined also where no request is authorized: another location may use the variable.
  const assignments = conf.auth_request_set.map(({ variable, value }) => ({
    variable: compiler.define(variable, null),
    value: compiler.template(value),
  }));
  const { auth_request: uri } = conf;
  return uri === undefined || uri === false ? null : new RequestAuthorization(uri, assignments).handle;
}

export default defineModule({
  name: 'auth_request',
  doc: 'Restricts access by the response to a subrequest.',
  directives,
  phases: {
    access: { order: 300, compile },
  },
});
