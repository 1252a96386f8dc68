/** nginx's `ngx_http_upstream_zone_module`: shared memory for the state of an upstream. */
import { custom } from '../config/argument-types.js';
import { parseSize } from '../config/units.js';
import { defineModule } from '../exchange/module.js';

/** nginx asks for eight pages at least. */
const SMALLEST = 8 * 4096;

/** A zone's name, and its size in bytes; 0 where another upstream gives it. */
interface ZoneData {
  readonly name: string;
  readonly size: number;
}

export default defineModule({
  name: 'upstream_zone',
  doc: 'Names the shared memory in which nginx keeps the state of a group for all its worker processes.',
  directives: {
    zone: {
      contexts: ['upstream'],
      takes: custom<ZoneData>('name [size]', 1, 2, ([name, written], c) => {
        if (name === undefined) throw new Error('zone was given no words');
        if (name.text === '') c.fail(name, 'invalid-value', 'invalid zone name ""');
        if (written === undefined) return { name: name.text, size: 0 };
        const size = parseSize(written.text);
        if (size === null) return c.fail(written, 'invalid-value', `invalid zone size "${written.text}"`);
        if (size < SMALLEST) {
          c.fail(written, 'invalid-value', `zone "${name.text}" is too small`, { help: 'nginx takes 32k at least' });
        }
        return { name: name.text, size };
      }),
      inherit: 'none',
      noEffect: 'One process serves all requests, so the state of the servers is common to all of them without a zone.',
      doc: 'In nginx, the shared memory zone that keeps the configuration and the state of the group.',
      example: 'zone backend 64k;',
    },
  },
});
