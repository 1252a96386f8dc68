/** The dialog that repeats a request, also to another upstream. */
import { type Control, failureText } from './control.js';
import { openDialog } from './dialog.js';
import { type Child, h, setText } from './dom.js';
import type { RequestEntry } from './traffic.js';

export function replayButton(control: Control, entry: RequestEntry): Child {
  if (!control.replays || entry.protocol !== 'http') return null;
  return h('button', { type: 'button', on: { click: () => replayDialog(control, entry) } }, 'Replay …');
}

function replayDialog(control: Control, { request }: RequestEntry): void {
  const upstream = h('input', {
    type: 'text',
    name: 'upstream',
    autocomplete: 'off',
    spellcheck: 'false',
    list: 'upstreams',
  });
  const result = h('p', { class: 'form-result', role: 'status' });
  const form = h(
    'form',
    { class: 'form' },
    h('p', {}, h('code', {}, `${request.method} ${request.target}`)),
    h('label', {}, 'Upstream or address (empty: as configured)', upstream),
    h(
      'datalist',
      { id: 'upstreams' },
      control.upstreams.map((name) => h('option', { value: name })),
    ),
    h('p', { class: 'faint' }, 'The request is sent once more, with its effects.'),
    h('div', { class: 'form-actions' }, h('button', { type: 'submit', class: 'primary' }, 'Replay')),
    result,
  );
  openDialog('Replay the request', form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    setText(result, 'Sending …');
    const body = { id: request.id, ...(upstream.value === '' ? {} : { upstream: upstream.value }) };
    void control.post('replay', body).then((reply) => {
      setText(
        result,
        reply.status >= 200 && reply.status < 300 ? `Done: ${JSON.stringify(reply.body)}` : failureText(reply),
      );
    });
  });
}
