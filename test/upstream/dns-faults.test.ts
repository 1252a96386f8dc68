import { test } from 'node:test';
import { forgedResponses, nameServerGone, silentAndChanged } from './dns-faults.js';

test('forged responses lead no request to another server', () => forgedResponses(20, 8));

test('requests are answered while names change and name servers are silent', () => silentAndChanged(4, 2));

test('requests are answered when the name server has ended', () => nameServerGone(4));
