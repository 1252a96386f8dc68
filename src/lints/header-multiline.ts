import { defineLint } from './engine/lint.js';

export default defineLint({
  code: 'header-multiline',
  severity: 'warning',
  on: 'add_header add_trailer proxy_set_header grpc_set_header more_set_headers',
  story:
    'The value of a field spans several lines. HTTP/1.1 deprecates line folding (RFC 9112, 5.2), HTTP/2 forbids it, and clients treat the next line as a separate field or reject the whole message. Write the value on one line; long values can be assembled with `set`.',
  check(c) {
    for (const directive of ['add_header', 'add_trailer', 'proxy_set_header', 'grpc_set_header', 'more_set_headers']) {
      for (const {
        statement: { args },
      } of c.written(directive)) {
        // `more_set_headers` takes the field and its value as one argument, besides options.
        const whole = directive === 'more_set_headers';
        const value = args.find(
          ({ text }) => (text.includes('\n') || text.includes('\r')) && (!whole || /^[\w-]+:.*[\r\n]/s.test(text)),
        );
        if (value === undefined) continue;
        const field = (whole ? value : args[0])?.text.split(':')[0];
        c.report(value, `the value of "${field ?? ''}" contains a line break`, {
          help: 'a field is one line; write the value on one line',
        });
      }
    }
  },
});
