/** Reasons for which a payload is not shown. */
import type { Withheld } from '../feed-format.js';
import { h } from './dom.js';

const TEXTS: Readonly<Record<Withheld, string>> = {
  hidden: 'hidden: console_payload is off',
  compressed: 'withheld: it is compressed, and payloads are redacted',
  fragment: 'withheld: it is a fragment, and payloads are redacted as a whole',
  'too long': 'withheld: it is too long to be redacted',
  'not JSON': 'withheld: it is not JSON, and members of JSON are redacted',
  'not redacted': 'withheld: it could not be redacted',
  'not decompressed': 'not decompressed',
};

export function withheldText(reason: Withheld | null): string {
  return reason === null ? 'not given' : TEXTS[reason];
}

/** The way to see payloads, where the proxy hides them. */
export function hiddenPayloads(): HTMLElement {
  return h(
    'p',
    { class: 'faint' },
    'Only their lengths are shown: payloads need ',
    h('code', {}, 'console_payload on;'),
    '.',
  );
}
