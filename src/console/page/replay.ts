/** The dialog that repeats a request, also to another upstream. */
import type { ReplayReport } from '../replay-report.js';
import { type Control, failureText } from './control.js';
import { openDialog } from './dialog.js';
import { type Child, fill, h, setText } from './dom.js';
import { fieldTable } from './heads.js';
import { bytes, duration } from './numbers.js';
import { statusTone } from './tone.js';
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
  const result = h('div', { class: 'form-result', role: 'status' });
  const form = h(
    'form',
    { class: 'form' },
    h('p', {}, h('code', {}, `${request.method} ${request.target}`)),
    h('label', {}, 'Upstream, or address of a server (empty: the same server)', upstream),
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
      if (reply.status === 200) fill(result, reportOf(reply.body as ReplayReport));
      else setText(result, failureText(reply));
    });
  });
}

function reportOf({ address, status, fields, length, duration: ms, body }: ReplayReport): Child[] {
  return [
    h(
      'p',
      {},
      h('span', { class: `status ${statusTone(status)}` }, String(status)),
      ` from ${address} after ${duration(ms)}, ${bytes(length)}`,
    ),
    fieldTable(fields),
    body !== null && body !== '' && h('pre', { class: 'code-frames', tabindex: 0 }, body),
  ];
}
