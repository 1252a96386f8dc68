/** Requests for a part of a response that is stored under a key of its own (`slice`). */
import { StateKey } from '../program/state-key.js';

/** Set if the proxy itself asks for a range: then a 206 response may be stored. */
export const REQUESTED_PART = new StateKey<true>('requested part');
