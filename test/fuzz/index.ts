/** All targets of the fuzzer. */
import { judge, mutated, ownConfigurations } from '../stress/mutations.js';
import { chunkedBodies } from './chunks.js';
import { dnsMessages } from './dns-messages.js';
import { cookies, forwarded, hosts, targets } from './fields.js';
import { frames } from './frames.js';
import { requestHeads, responseHeads } from './heads.js';
import { headerBlocks } from './hpack.js';
import { http2Frames } from './http2-frames.js';
import { llhttp } from './llhttp.js';
import { ocspResponders, ocspResponses } from './ocsp.js';
import { proxyHeaders } from './proxy-headers.js';
import type { FuzzTarget } from './target.js';

/** Everything that reads a configuration; `more` are further texts beside those of the checkout. */
export function configurations(more: readonly string[] = []): FuzzTarget {
  const texts = [...ownConfigurations(), ...more];
  return { name: 'configurations', make: (random) => mutated(texts, random), check: judge };
}

/** The readers of HTTP/1, HTTP/2, WebSockets, the PROXY protocol, DNS and OCSP. */
export const readers: readonly FuzzTarget[] = [
  requestHeads,
  responseHeads,
  chunkedBodies,
  frames,
  http2Frames,
  headerBlocks,
  cookies,
  forwarded,
  targets,
  hosts,
  proxyHeaders,
  llhttp,
  dnsMessages,
  ocspResponses,
  ocspResponders,
];
