/** The protocol core beside nghttp2. More of it: `node dist/bench/http2-fuzz.js`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DECODED, HpackDecoder } from '../../src/http2/hpack/decoder.js';
import { blocksOf, headerBlocks } from '../fuzz/hpack.js';
import { Random } from '../stress/random.js';
import { nghttp2Accepts, requestFromNode, serveNode } from './nghttp2.js';

test('the core answers requests of nghttp2: fields, bodies and trailers in both directions', async () => {
  for (let seed = 0; seed < 8; seed++) await serveNode(new Random(seed), 12);
});

test('nghttp2 answers requests of the core: fields, bodies and trailers in both directions', async () => {
  for (let seed = 0; seed < 8; seed++) await requestFromNode(new Random(seed), 12);
});

test('header blocks that are invalid here are invalid for nghttp2, and the others are not', async () => {
  let accepted = 0;
  let refused = 0;
  for (let i = 0; i < 300; i++) {
    const blocks = blocksOf(headerBlocks.make(new Random(i)));
    const decoder = new HpackDecoder('client');
    const ours = blocks.every((block) => decoder.decode(block, 0, block.length, { field: () => {} }) === DECODED);
    // nghttp2 treats an empty name as an error of the stream.
    if (decoder.reason.includes('zero header name')) continue;
    assert.equal(await nghttp2Accepts(blocks), ours, `case ${i}: ${decoder.reason}`);
    if (ours) accepted++;
    else refused++;
  }
  assert.ok(accepted > 50 && refused > 50, `${accepted} accepted, ${refused} refused`);
});
