/** Status codes of Close frames (RFC 6455, 7.4, and IANA's registry). */
export const NORMAL_CLOSURE = 1000;
export const GOING_AWAY = 1001;
export const PROTOCOL_ERROR = 1002;
export const UNSUPPORTED_DATA = 1003;
/** A Close frame without a code; never sent. */
export const NO_STATUS = 1005;
/** A connection that ended without a Close frame; never sent. */
export const ABNORMAL_CLOSURE = 1006;
export const INVALID_DATA = 1007;
export const POLICY_VIOLATION = 1008;
export const MESSAGE_TOO_BIG = 1009;
export const INTERNAL_ERROR = 1011;
export const SERVICE_RESTART = 1012;
export const TRY_AGAIN_LATER = 1013;
export const BAD_GATEWAY = 1014;

/** Whether a Close frame may contain the code: 1004 is reserved, 1005, 1006 and 1015 only describe how a connection ended. */
export function maySend(code: number): boolean {
  if (code >= 3000) return code < 5000;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}
