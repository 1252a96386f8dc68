/** `early_hints`. */
import type { HttpExchange } from '../exchange/exchange.js';
import { NameSet } from '../http/header-block.js';
import { REQUEST_HOP_BY_HOP } from '../http/hop-by-hop.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';

/** 103 responses are forwarded if this is neither empty nor `0`; null: never. */
export const EARLY_HINTS = new SettingsKey<Template | null>('early_hints', null);

/** Fields of a 103 response that are not forwarded, in addition to hop-by-hop fields. */
const HIDDEN = new NameSet([...REQUEST_HOP_BY_HOP, 'Date', 'Server']);

/** Forwards a 103 response if the location allows it. */
export function passEarlyHints(x: HttpExchange, { headers }: UpstreamHead): void {
  const condition = x.location.settings.get(EARLY_HINTS)?.of(x) ?? '';
  if (condition !== '' && condition !== '0') x.client.sendInterim(103, headers.lines(HIDDEN));
}
