/** All groups of cases. */
import type { OracleGroup } from '../oracle.js';
import { applicationSites } from './application-sites.js';
import { accessRules, authorization } from './authorization.js';
import { caching } from './caching.js';
import { conditions, ranges } from './conditions.js';
import { encodings } from './encodings.js';
import { files, index } from './files.js';
import { headers } from './headers.js';
import { ifHandlers } from './if-handlers.js';
import { limits } from './limits.js';
import { proxying } from './proxying.js';
import { errorPages, rewrites, statuses, tryFiles } from './redirects.js';
import { requests } from './requests.js';
import { rewriting, variables } from './scripts.js';
import { sites } from './sites.js';
import { smallModules } from './small-modules.js';
import { symlinks } from './symlinks.js';

export const groups: readonly OracleGroup[] = [
  files,
  index,
  conditions,
  ranges,
  tryFiles,
  errorPages,
  statuses,
  rewrites,
  rewriting,
  variables,
  headers,
  encodings,
  sites,
  applicationSites,
  smallModules,
  symlinks,
  ifHandlers,
  limits,
  requests,
  proxying,
  caching,
  accessRules,
  authorization,
];
