/**
 * The HTTP/2 core beside nghttp2, as it is built into Node: random messages in both directions, and whether both accept
 * the same header blocks.
 *
 *   node dist/bench/http2-fuzz.js [connections] [blocks] [seed]
 *
 * Mutated frames and header blocks without nghttp2: `node dist/bench/fuzz.js http2-frames 2000000` and `… hpack 1000000`.
 */
import { DECODED, HpackDecoder } from '../src/http2/hpack/decoder.js';
import { blocksOf, headerBlocks } from '../test/fuzz/hpack.js';
import { nghttp2Accepts, requestFromNode, serveNode } from '../test/http2/nghttp2.js';
import { Random } from '../test/stress/random.js';

const [connections = 2000, blocks = 50_000, seed = 1] = process.argv.slice(2).map(Number);
const printLine = (text: string): void => void process.stdout.write(`${text}\n`);
const REQUESTS = 20;
let failed = 0;

function fail(what: string, error: unknown): void {
  failed++;
  printLine(`${what}: ${error instanceof Error ? error.stack : String(error)}`);
}

for (let i = 0; i < connections; i++) {
  for (const run of [serveNode, requestFromNode]) {
    try {
      await run(new Random(seed * 1_000_003 + i), REQUESTS);
    } catch (error) {
      fail(`${run.name}, connection ${i}`, error);
    }
  }
}
printLine(`${connections} connections with ${REQUESTS} requests in each direction: ${failed} failed`);
let [accepted, refused, different] = [0, 0, 0];
for (let i = 0; i < blocks; i++) {
  const all = blocksOf(headerBlocks.make(new Random(seed * 1_000_003 + i)));
  const decoder = new HpackDecoder('client');
  const ours = all.every((block) => decoder.decode(block, 0, block.length, { field: () => {} }) === DECODED);
  // nghttp2 treats an empty name as an error of the stream.
  if (decoder.reason.includes('zero header name')) continue;
  if ((await nghttp2Accepts(all)) !== ours) {
    different++;
    fail(`blocks ${i}`, `${ours ? 'accepted' : `refused (${decoder.reason})`}, nghttp2 differs`);
  }
  if (ours) accepted++;
  else refused++;
}
printLine(`${accepted} sequences of header blocks accepted, ${refused} refused, ${different} different from nghttp2`);
process.exitCode = failed === 0 ? 0 : 1;
