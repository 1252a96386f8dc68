/** The keys of the console. */
import { openDialog } from './dialog.js';
import { h } from './dom.js';

const KEYS: readonly (readonly [string, string])[] = [
  ['1 … 5', 'Overview, HTTP, WebSockets, SSE, Configuration'],
  ['/', 'Filter or search'],
  ['↑ ↓  j k', 'Select a row'],
  ['Page up, Page down, Home, End', 'Move by a page, to the beginning, to the end'],
  ['Enter', 'Open the selected row'],
  ['Esc', 'Close what was opened last'],
  ['p', 'Pause and resume the list'],
  ['f', 'Follow the newest row'],
  ['t', 'Color scheme: as the system, light, dark'],
  ['?', 'These keys'],
];

export function showShortcuts(): void {
  openDialog(
    'Keys',
    h(
      'dl',
      { class: 'keys' },
      KEYS.map(([key, text]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, text))),
    ),
  );
}
