/** Settings of nginx's core module that only modules for files use. */
import { SettingsKey } from '../program/settings-key.js';
import { StateKey } from '../program/state-key.js';
import type { Template } from '../program/template.js';

/** `etag`: whether files are sent with an entity tag. */
export const ETAG = new SettingsKey<boolean>('etag', true);
/** `if_modified_since`. */
export const IF_MODIFIED_SINCE = new SettingsKey<'off' | 'exact' | 'before'>('if_modified_since', 'exact');
/** Whether conditional request fields are ignored, as for responses of scripts. nginx: `disable_not_modified`. */
export const UNCONDITIONAL = new StateKey<true>('unconditional');
/** `max_ranges`; -1: no limit. */
export const MAX_RANGES = new SettingsKey<number>('max_ranges', -1);
/** `log_not_found`: whether missing files are logged. */
export const LOG_NOT_FOUND = new SettingsKey<boolean>('log_not_found', true);

/** `disable_symlinks`; null: symbolic links are followed. */
export interface SymlinkRule {
  /** Whether links are followed whose owner is that of their target. */
  readonly sameOwner: boolean;
  /** `from=`: beginning of the path in which links are followed, or null. */
  readonly from: Template | null;
}
export const SYMLINKS = new SettingsKey<SymlinkRule | null>('disable_symlinks', null);
