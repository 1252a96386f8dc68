/** All commands, in the order in which the help lists them. */

import { ca } from './ca.js';
import { code } from './code.js';
import type { DeclareCommand } from './command.js';
import { compat } from './compat.js';
import { completion } from './completion.js';
import { convert } from './convert.js';
import { ctl } from './ctl.js';
import { demo } from './demo.js';
import { dev } from './dev.js';
import { diff } from './diff.js';
import { explain } from './explain.js';
import { fmt } from './fmt.js';
import { forward } from './forward.js';
import { help } from './help.js';
import { init } from './init.js';
import { logs } from './logs.js';
import { lsp } from './lsp.js';
import { top } from './top.js';
import { watch } from './watch.js';

export const commands: readonly DeclareCommand[] = [
  forward,
  init,
  demo,
  dev,
  explain,
  diff,
  fmt,
  ctl,
  ca,
  logs,
  watch,
  top,
  lsp,
  code,
  help,
  compat,
  convert,
  completion,
];
