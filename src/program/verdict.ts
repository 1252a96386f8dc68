/** Result of a handler: one of these, or an HTTP status (100 and up) with which the exchange ends. */
export type Verdict = number;

/** Declined: continue with the next handler. nginx: NGX_DECLINED. */
export const NEXT = -1;
/** Allowed: with `satisfy any` the rest of an access phase is skipped; elsewhere the same as NEXT. nginx: NGX_OK. */
export const OK = -2;
/** The handler responds, or has responded, itself: the engine stops processing this request. nginx: NGX_DONE. */
export const DONE = -3;
/** Close the connection without a response. nginx: status 444. */
export const CLOSE = 444;
