/** The dialog that closes a WebSocket with a code and a reason. */
import { type Control, failureText } from './control.js';
import { openDialog } from './dialog.js';
import { h, setText } from './dom.js';
import { CLOSE_CODES } from './opcode.js';

/** Codes that may be sent in a Close frame. */
const CODES = [1000, 1001, 1008, 1011, 1012, 1013];
/** Longest reason: a Close frame has room for 125 bytes, of which the code takes two. */
const MAX_REASON = 123;

export function closeTunnelDialog(control: Control, id: string): void {
  const code = h('input', {
    ...{ type: 'number', name: 'code', min: 1000, max: 4999, value: 1012, required: true, list: 'close-codes' },
  });
  const reason = h('input', { type: 'text', name: 'reason', maxlength: MAX_REASON, autocomplete: 'off' });
  const result = h('p', { class: 'form-result', role: 'status' });
  const form = h(
    'form',
    { class: 'form' },
    h('label', {}, 'Code', code),
    h(
      'datalist',
      { id: 'close-codes' },
      CODES.map((each) => h('option', { value: each }, `${each} ${CLOSE_CODES[each] ?? ''}`)),
    ),
    h('label', {}, 'Reason', reason),
    h('p', { class: 'faint' }, 'Client and upstream receive a Close frame after the current message.'),
    h(
      'div',
      { class: 'form-actions' },
      h('button', { type: 'submit', class: 'primary is-bad' }, 'Close the WebSocket'),
    ),
    result,
  );
  const dialog = openDialog('Close the WebSocket', form);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    setText(result, 'Closing …');
    void control
      .post(`tunnels/${encodeURIComponent(id)}/close`, { code: Number(code.value), reason: reason.value })
      .then((reply) => {
        if (reply.status >= 200 && reply.status < 300) dialog.close();
        else setText(result, failureText(reply));
      });
  });
  code.select();
}
