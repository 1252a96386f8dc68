import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'header-multiline',
  severity: 'warning',
  on: 'add_header add_trailer proxy_set_header grpc_set_header more_set_headers',
  story:
    'The value of a field goes over several lines. HTTP has deprecated that (RFC 9112, 5.2), HTTP/2 forbids it, and clients take what follows for a field of its own or refuse the whole message. Write it in one line; long ones can be put together with `set`.',
  check(c) {
    for (const directive of ['add_header', 'add_trailer', 'proxy_set_header', 'grpc_set_header', 'more_set_headers']) {
      for (const {
        statement: { args },
      } of c.written(directive)) {
        // `more_set_headers` has the field and its value in one word, beside options.
        const whole = directive === 'more_set_headers';
        const value = args.find(
          ({ text }) => (text.includes('\n') || text.includes('\r')) && (!whole || /^[\w-]+:.*[\r\n]/s.test(text)),
        );
        if (value === undefined) continue;
        const field = (whole ? value : args[0])?.text.split(':')[0];
        c.report(value, `the value of "${field ?? ''}" holds a line break`, {
          help: 'a field is one line; write the value in one',
        });
      }
    }
  },
});
