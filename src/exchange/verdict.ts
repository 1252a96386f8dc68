/** What a handler says when it is done: one of these, or an HTTP status (100 and up) with which the exchange is to end. */
export type Verdict = number;

/** This handler has nothing (more) to say: go on with the next one. nginx: NGX_DECLINED. */
export const NEXT = -1;
/** Allowed: the rest of an access phase is skipped where `satisfy any` holds; elsewhere the same as NEXT. nginx: NGX_OK. */
export const OK = -2;
/** The handler answers, or has answered, itself: the engine does nothing more with this request. nginx: NGX_DONE. */
export const DONE = -3;
/** Close the connection without an answer. nginx: status 444. */
export const CLOSE = 444;
