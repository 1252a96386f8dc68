/** Requirements for every session: templates, variables, searches and log lines work for it, whatever its protocol. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Expression } from '../../src/config/pcre/expression.js';
import { MatchFailed } from '../../src/config/pcre/match-failed.js';
import { translate } from '../../src/config/pcre/translate.js';
import type { ClientSide } from '../../src/exchange/client-side.js';
import { HttpExchange } from '../../src/exchange/exchange.js';
import { HeaderBlock } from '../../src/http/header-block.js';
import type { ErrorLog } from '../../src/logging/error-log.js';
import { logError } from '../../src/program/error-context.js';
import { searchFor } from '../../src/program/pattern-search.js';
import { LocationProgram, ServerProgram } from '../../src/program/program.js';
import type { Session } from '../../src/program/session.js';
import { LocationSettings } from '../../src/program/settings.js';
import { Template } from '../../src/program/template.js';
import { Variable } from '../../src/program/variable.js';
import { ServerNames } from '../../src/routing/server-names.js';
import { sessionFrom } from '../upstream/session.js';

function expression(written: string): Expression {
  const result = translate(written, false);
  if ('mistake' in result) throw new Error(written);
  return new Expression(result.pattern);
}

/** Creates a session of 192.0.2.1 with two variables, whose log lines are appended to `log`. */
type Create = (log: string[]) => Session;

const SESSIONS: Readonly<Record<string, Create>> = {
  'an HTTP request': (log) => {
    const errorLog: ErrorLog = { threshold: 7, write: (level, message) => log.push(`${level} ${message}`) };
    const program = new ServerProgram(new LocationProgram(new LocationSettings(errorLog)));
    const client = { id: 1, remoteAddress: '192.0.2.1', remotePort: 40000 } as ClientSide; // all that is read
    const listener = { names: new ServerNames<ServerProgram>([]), defaultServer: program };
    return new HttpExchange(client, HeaderBlock.from([]), listener, 2);
  },
  'a session of another protocol': (log) => sessionFrom('192.0.2.1', log),
};

for (const [name, create] of Object.entries(SESSIONS)) {
  test(`${name}: a template has the values of its variables`, () => {
    const session = create([]);
    const [address, assigned] = [new Variable('remote_addr', 0), new Variable('assigned', 1)];
    address.getter = (x) => x.remoteAddress;
    assigned.assign(session, 'b');
    assert.equal(new Template(null, ['a ', address, ' ', assigned]).of(session), 'a 192.0.2.1 b');
    session.remoteAddress = '192.0.2.7';
    assert.equal(new Template(null, [address]).of(session), '192.0.2.7');
  });

  test(`${name}: a cached variable is computed once, also if sessions alternate`, () => {
    const sessions = [create([]), create([])];
    let count = 0;
    const variable = new Variable('count', 0);
    variable.cached = true;
    variable.getter = () => String(++count);
    const values = [...sessions, ...sessions].map((session) => variable.value(session));
    assert.deepEqual(values, ['1', '2', '1', '2']);
  });

  test(`${name}: variables computed from each other end with an error`, () => {
    const log: string[] = [];
    const session = create(log);
    const variable = new Variable('loop', 0);
    variable.getter = (x) => variable.value(x);
    assert.equal(variable.value(session), undefined);
    assert.match(log.join(), /^error \*1 cycle while evaluating variable "loop", client: 192\.0\.2\.1, server: /);
  });

  test(`${name}: a search that exceeds the limit is logged with its context`, () => {
    const log: string[] = [];
    const session = create(log);
    assert.equal(searchFor(session, expression('(b+)'), 'abb')?.[1], 'bb');
    assert.equal(session.captures, null);
    const endless = expression('^/(.*)/(.*)/(.*)/(.*)\\.php$');
    assert.throws(() => searchFor(session, endless, `${'/x'.repeat(1500)}.ph`), MatchFailed);
    assert.match(log.join(), /^alert \*1 pcre2_match\(\) failed: -47 on "\/x\/x.*, client: 192\.0\.2\.1, server: /);
  });

  test(`${name}: a log line has the number of the connection and the context`, () => {
    const log: string[] = [];
    logError(create(log), 'warn', 'text');
    assert.match(log[0] ?? '', /^warn \*1 text, client: 192\.0\.2\.1, server: /);
  });
}
