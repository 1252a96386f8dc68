/** Temporary-file directories of nginx modules for protocols other than HTTP; many configurations set them. */
import type { DirectiveSpec } from '../config/directive.js';
import { temporaryPath } from '../config/temporary-path-argument.js';
import { defineModule } from '../program/module.js';

function unusedPath(protocol: 'fastcgi' | 'uwsgi' | 'scgi', name: string) {
  return {
    contexts: ['http', 'server', 'location'],
    takes: temporaryPath,
    noEffect: `${name} is not supported.`,
    doc: `In nginx, the directory for temporary files with responses of ${name} servers.`,
    example: `${protocol}_temp_path /var/tmp/${protocol} 1 2;`,
  } as const satisfies DirectiveSpec;
}

export default defineModule({
  name: 'other_protocols',
  doc: 'Directives of modules for protocols other than HTTP that are accepted without effect.',
  directives: {
    fastcgi_temp_path: unusedPath('fastcgi', 'FastCGI'),
    uwsgi_temp_path: unusedPath('uwsgi', 'uwsgi'),
    scgi_temp_path: unusedPath('scgi', 'SCGI'),
  },
});
