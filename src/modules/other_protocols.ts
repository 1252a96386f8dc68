/** Directories of modules of nginx that pass requests by other protocols; many configurations name them. */
import type { DirectiveSpec } from '../config/directive.js';
import { temporaryPath } from '../config/temporary-path-argument.js';
import { defineModule } from '../exchange/module.js';

function unusedPath(protocol: 'fastcgi' | 'uwsgi' | 'scgi', name: string) {
  return {
    contexts: ['http', 'server', 'location'],
    takes: temporaryPath,
    noEffect: `Requests are not passed by ${name}.`,
    doc: `In nginx, the directory for answers of ${name} servers that do not stay in memory.`,
    example: `${protocol}_temp_path /var/tmp/${protocol} 1 2;`,
  } as const satisfies DirectiveSpec;
}

export default defineModule({
  name: 'other_protocols',
  doc: 'What is accepted of modules that pass requests by other protocols than HTTP.',
  directives: {
    fastcgi_temp_path: unusedPath('fastcgi', 'FastCGI'),
    uwsgi_temp_path: unusedPath('uwsgi', 'uwsgi'),
    scgi_temp_path: unusedPath('scgi', 'SCGI'),
  },
});
