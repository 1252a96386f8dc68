/** Differences that follow from features of nginx which tsproxy does not have. */
import type { Declared } from './site.js';

export const FASTCGI: Declared = {
  reason: 'fastcgi_pass is missing: its locations answer 501',
  pattern: /^answer 2: (?!status line)|tsproxy "HTTP\/1\.1 501/,
};
export const SLICES: Declared = {
  reason: 'slice is missing: nginx asks the back end for ranges',
  pattern:
    /^back end received: nginx "[A-Z]+ .*(?:\\r\\nRange: bytes=\d+-\d+\\r\\n|… \(\d+ bytes\)")|Accept-Ranges: nginx "none"/,
};
export const CACHED: Declared = {
  reason: 'proxy_cache is missing: nginx asks for a whole response that it may store',
  pattern: /^back end received: nginx "GET (?!.*If-None-Match.*tsproxy)/,
};
