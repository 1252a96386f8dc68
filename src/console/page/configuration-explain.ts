/** A form for a request; the proxy explains how its configuration would process it. Nothing is sent to an upstream. */
import type { ExplainForm, ExplainReport } from '../configuration-reports.js';
import { type Control, failureText } from './control.js';
import { fill, h } from './dom.js';

export class ExplainPanel {
  readonly element: HTMLElement;
  private readonly request = h('input', {
    ...{ type: 'text', name: 'request', required: true, autocomplete: 'off', spellcheck: 'false' },
    ...{ placeholder: 'GET http://example.com/path', value: `GET ${location.origin}/` },
  });
  private readonly fields = h('textarea', {
    name: 'fields',
    rows: 3,
    spellcheck: 'false',
    placeholder: 'Accept: text/html',
  });
  private readonly from = h('input', {
    type: 'text',
    name: 'from',
    placeholder: '127.0.0.1',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  private readonly listen = h('input', {
    type: 'text',
    name: 'listen',
    placeholder: 'the only one',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  private readonly result = h('div', { class: 'explanation', role: 'status' });

  constructor(private readonly control: Control) {
    const form = h(
      'form',
      { class: 'form explain-form' },
      h('label', { class: 'is-wide' }, 'Request: method and URL', this.request),
      h('label', { class: 'is-wide' }, 'Fields, one per line', this.fields),
      h('label', {}, 'Client address', this.from),
      h('label', {}, 'Listening address', this.listen),
      h('div', { class: 'form-actions' }, h('button', { type: 'submit', class: 'primary' }, 'Explain')),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.explain();
    });
    fill(
      this.result,
      h(
        'p',
        { class: 'none' },
        'The explanation appears here: server, location, rewrites, directives in force, the head that the upstream would receive, and how its response would be processed. Nothing is sent.',
      ),
    );
    this.element = h('div', { class: 'explain' }, form, this.result);
  }

  private async explain(): Promise<void> {
    const form: ExplainForm = {
      request: this.request.value.trim(),
      fields: this.fields.value.split('\n').filter((line) => line.trim() !== ''),
      from: this.from.value.trim(),
      listen: this.listen.value.trim(),
    };
    fill(this.result, h('p', { class: 'none' }, 'Explaining …'));
    const reply = await this.control.post('explain', form);
    if (reply.status === 200) fill(this.result, h('pre', { tabindex: 0 }, (reply.body as ExplainReport).text));
    else fill(this.result, h('p', { class: 'state is-bad' }, failureText(reply)));
  }
}
