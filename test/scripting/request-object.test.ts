import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScriptRequest } from '../../src/scripting/request-object.js';

/** Members of `NginxHTTPRequest` of njs 1.0, and those of its implementation that the declaration lacks. */
const MEMBERS = `
  args decline done error finish headersIn headersOut httpVersion internal internalRedirect jsVarNames log method parent rawHeadersIn
  rawHeadersOut rawVariables readRequestArrayBuffer readRequestForm readRequestJSON readRequestText remoteAddress requestBody
  requestBuffer requestLine requestText responseBody responseBuffer responseText return send sendBuffer sendHeader
  setReturnValue status subrequest uri variables warn`;

test('r has every member that njs has', () => {
  const members = Object.getOwnPropertyNames(ScriptRequest.prototype).filter((name) => name !== 'constructor');
  assert.deepEqual(members.sort(), MEMBERS.trim().split(/\s+/).sort());
});
