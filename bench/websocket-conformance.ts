/**
 * Cases of the WebSocket protocol through the proxy, in all modes, and with larger messages than in the test suite.
 *
 *   node dist/bench/websocket-conformance.js [largest message in MiB] [compressed messages of each size]
 *
 * Each case must end as without the proxy, in both directions. Otherwise the exit code is 1.
 */
import { allCases } from '../test/websocket/conformance/cases.js';
import { isEquivalent, isRight, MODES, Suite } from '../test/websocket/conformance/suite.js';

const [largest = 16, compressed = 100] = process.argv.slice(2).map(Number);
const cases = [...allCases({ message: largest * 2 ** 20, compressed })];

const LINES = MODES.tracked;
const READS = 'websocket_message_deny "this matches nothing" from=both; websocket_message_buffer_size 64m;';

/** Modes in which messages are read, so that fragments and compression differ. */
const READING: Readonly<Record<string, string>> = {
  utf8: `${LINES} websocket_utf8 on;`,
  strict: `${LINES} websocket_protocol_error close;`,
  messages: `${LINES} websocket_utf8 on; ${READS}`,
  compressed: `${LINES} websocket_deflate on; websocket_deflate_context_takeover off; websocket_message_buffer_size 64m;`,
  takeover: `${LINES} websocket_deflate on; websocket_message_buffer_size 64m;`,
};

const suite = await Suite.start(cases, { ...MODES, ...READING });
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
let failures = 0;

function compare(mode: string, direct: (readonly string[])[], outcomes: (readonly string[])[]): void {
  let different = 0;
  for (const [i, each] of cases.entries()) {
    const [expected = [], outcome = []] = [direct[i], outcomes[i]];
    // The senders of these cases ignore that the proxy has excluded the takeover of the context.
    if (mode === 'compressed' && each.takeover === true) continue;
    const right = isRight(each, mode, expected, outcome) || (mode in READING && isEquivalent(each, expected, outcome));
    if (right) continue;
    different++;
    printLine(`  ${each.name}\n    without the proxy: ${expected.join(', ')}\n    through it: ${outcome.join(', ')}`);
  }
  failures += different;
  printLine(`${mode}: ${cases.length - different} of ${cases.length} cases end as without the proxy`);
}

const fromClient = await suite.clients(null);
const fromServer = await suite.servers(null);
for (const mode of [...Object.keys(MODES), ...Object.keys(READING)]) {
  compare(mode, fromClient, await suite.clients(mode));
  compare(mode, fromServer, await suite.servers(mode));
}
await suite.stop();
process.exitCode = failures === 0 ? 0 : 1;
