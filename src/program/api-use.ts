/** Use of an API key by a request, which `api_key` stores and metrics count. */
import { StateKey } from './state-key.js';

/** Owner of keys; one object for each line of a list. */
export interface ApiClient {
  /** Name of the list. */
  readonly keys: string;
  readonly client: string;
  readonly plan: { readonly name: string };
}

export interface ApiUse {
  readonly who: ApiClient;
  readonly result: 'allowed' | 'limited' | 'forbidden';
}

export const API_USE = new StateKey<ApiUse>('use of an API key', 'request');
