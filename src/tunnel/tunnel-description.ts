/** Tunnels as the API lists them. */
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';

/** `tunnel_key` of a location; null: the client's address. */
export const TUNNEL_KEY = new SettingsKey<Template | null>('tunnel_key', null);

/** A tunnel. Plain data; strings are byte strings. */
export interface TunnelDescription {
  /** `$connection`. */
  readonly id: number;
  readonly client: string;
  readonly host: string;
  readonly uri: string;
  readonly location: string;
  readonly key: string;
  readonly upstream: string;
  /** Address of the server. */
  readonly server: string;
  /** Beginning of the connection and of the request, ms since 1970. */
  readonly since: number;
  readonly started: number;
  /** Bytes received from the client and sent to it over the connection. */
  readonly received: number;
  readonly sent: number;
  /** Messages in both directions; null if frames are not parsed. */
  readonly websocket: { readonly received: number; readonly sent: number } | null;
}
