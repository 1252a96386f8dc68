/**
 * `$ssl_curve`: Node does not report the group of the key exchange on the side of the server, but OpenSSL's choice
 * follows from the offers of both sides.
 */
import type { ClientHello } from '../../net/client-hello.js';
import { groupNumber } from './names.js';

/** Whether OpenSSL is 3.5 or later, which prefers its own order of groups in TLS 1.3. */
const OWN_ORDER = (() => {
  const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 5);
})();

/** OpenSSL's default groups, preferred first. */
const DEFAULT_GROUPS = (
  OWN_ORDER ? 'X25519MLKEM768:X25519:prime256v1:X448:secp384r1:secp521r1' : 'X25519:prime256v1:X448:secp521r1:secp384r1'
).concat(':ffdhe2048:ffdhe3072:ffdhe4096:ffdhe6144:ffdhe8192');

/** Number of the selected group; undefined if there is none. `curves`: those of the server, or `auto`. */
export function selectedGroup(
  hello: ClientHello,
  curves: string,
  serverPreference: boolean,
  protocol: string | null,
): number | undefined {
  const own = (curves === 'auto' ? DEFAULT_GROUPS : curves)
    .split(/[:/]/)
    .flatMap((name) => groupNumber(name.replace(/^[*?-]+/, '')) ?? []);
  const offered = hello.groups.length === 0 ? own : hello.groups;
  const common = serverPreference
    ? own.filter((each) => offered.includes(each))
    : offered.filter((each) => own.includes(each));
  if (protocol !== 'TLSv1.3') return common[0];
  const shared = OWN_ORDER
    ? own.filter((each) => hello.keyShares.includes(each))
    : hello.keyShares.filter((each) => own.includes(each));
  return shared[0] ?? common[0];
}
