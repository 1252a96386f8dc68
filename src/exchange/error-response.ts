/** Responses of a location to errors, instead of the built-in pages. */
import type { Exchange } from '../program/exchange.js';
import { SettingsKey } from '../program/settings-key.js';

export interface ErrorResponse {
  /** Whether it has precedence over the `error_page` of the location. Default false. */
  readonly precedesErrorPages?: boolean;
  /** Whether a request gets this response to an error with the status. */
  applies(x: Exchange, status: number): boolean;
  send(x: Exchange, status: number): void;
}

export const ERROR_RESPONSE = new SettingsKey<ErrorResponse | null>('error_response', null);

/** Whether an error gets a response of the location: one of its `error_page`, or that of the setting. */
export function hasErrorResponse(x: Exchange, pages: ReadonlyMap<number, unknown> | null, status: number): boolean {
  return pages?.has(status) === true || x.location.settings.get(ERROR_RESPONSE)?.applies(x, status) === true;
}
