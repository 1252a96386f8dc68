/** Errors of stores. */

/** A store does not respond, or cannot be used at present. */
export class StoreUnavailable extends Error {}

/** A store refuses to be used as configured: wrong password, missing permission, unknown database. */
export class StoreRefused extends Error {}

/** Replies that no repetition changes. */
const REFUSALS =
  /^(?:WRONGPASS|NOAUTH|NOPERM|CROSSSLOT|MOVED|ASK)\b|^ERR (?:unknown command|invalid password|DB index|invalid DB|SELECT is not allowed|Client sent AUTH|AUTH\b|This instance has cluster support)|ACL failure in script|user executing the script can't|(?:has no permissions|no permission) |Unknown Redis command called from script|unknown redis command called from script/i;

/** Codes of Node.js for a certificate that is not accepted. */
const UNTRUSTED = /^(?:ERR_TLS_CERT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

/** The error of a store by its cause. */
export function storeError(cause: unknown): StoreUnavailable | StoreRefused {
  if (cause instanceof StoreUnavailable || cause instanceof StoreRefused) return cause;
  const { message, code = '' } = cause as NodeJS.ErrnoException;
  // The text of a script and its keys may follow.
  const text = message.split('\n', 1)[0]?.slice(0, 300) ?? '';
  return REFUSALS.test(text) || UNTRUSTED.test(code) ? new StoreRefused(text) : new StoreUnavailable(text);
}
