/** Expiry of the credentials with which a request was allowed. */
import { StateKey } from './state-key.js';

/** Time on the clock of `Date`, ms; set by modules that verify credentials, read by those that end long-lived connections. */
export const CREDENTIAL_EXPIRY = new StateKey<number>('credential expiry', 'request');
