/** `early_hints`. */
import { SettingsKey } from '../program/settings-key.js';
import type { Template } from '../program/template.js';

/** 103 responses are forwarded if this is neither empty nor `0`; null: never. */
export const EARLY_HINTS = new SettingsKey<Template | null>('early_hints', null);
