/** nginx's `ngx_http_log_module`: request logs. */
import { custom } from '../../config/argument-types.js';
import { defineModule } from '../../program/module.js';
import { WEBSOCKET_LOG } from '../../tunnel/websocket-settings.js';
import { type AccessLog, parseCache, parseLog } from './access-log.js';
import { checkLogs } from './checks.js';
import { COMBINED, compileFormats, type Format, parseFormat } from './format.js';
import { compileAccessLogs, compileLogs } from './sinks.js';
import { variables } from './variables.js';
import { WEBSOCKET } from './websocket-formats.js';

export default defineModule({
  name: 'log',
  doc: 'Writes request logs.',
  directives: {
    log_format: {
      contexts: ['http'],
      takes: custom('name [escape=default | json | none] string ...', 2, Number.POSITIVE_INFINITY, parseFormat),
      repeat: true,
      links: ({ name }: Format) => ({ name: `format ${name}` }),
      doc: 'Defines the format of log lines. Values of variables are escaped: with `default`, quotes, backslashes and unprintable characters become `\\xHH`, and a missing value is `-`; with `json`, as in JSON strings; with `none`, not at all. `combined` is predefined, and so are, unless they are defined here, `json`, one JSON object per line, whose members are described in docs/logs.md, and the formats of `websocket_log`.',
      example: 'log_format brief \'$remote_addr "$request" $status $request_time\';',
    },
    access_log: {
      contexts: ['http', 'server', 'location', 'if in location', 'limit_except'],
      takes: custom(
        'path | syslog:server=address[,parameter=value] [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off',
        1,
        Number.POSITIVE_INFINITY,
        (words, c) => parseLog(words, c, COMBINED),
      ),
      default: 'logs/access.log combined',
      repeat: true,
      links: (log: AccessLog) => (log.off ? {} : { refers: [`format ${log.format}`] }),
      doc: 'Logs requests to a file; the directive may be repeated. Lines are written immediately, or with `buffer` when the buffer is full, after `flush`, and when the log is closed. With `if`, a request is logged only if the string is neither empty nor `0`. The path may contain variables. `syslog:` sends each line to a syslog server over UDP (port 514) or to a unix domain socket (`server=unix:/dev/log`), with the parameters `facility` (`local7`), `severity` (`info`), `tag` (`nginx`) and `nohostname`. The format is one of `log_format`, or a predefined one: `combined`, the default, or `json`. `off` disables logging.',
      example: 'access_log logs/access.log combined buffer=32k flush=5s;',
      differs:
        'The format `json` is predefined. The default log is omitted if `logs/` does not exist. A file in a directory that another user controls is refused. Lines for a syslog server on a unix domain socket are sent by the command `logger` of util-linux; other host names are resolved when the first line is sent.',
      differsFor: ([target = '']) => target.startsWith('syslog:'),
    },
    websocket_log: {
      contexts: ['http', 'server', 'location'],
      takes: custom(
        'path | syslog:server=address[,parameter=value] [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off',
        1,
        Number.POSITIVE_INFINITY,
        (words, c) => parseLog(words, c, WEBSOCKET),
      ),
      default: 'off',
      repeat: true,
      links: (log: AccessLog) => (log.off ? {} : { refers: [`format ${log.format}`] }),
      doc: 'Logs each WebSocket twice: when it is opened, and when it has ended (`$websocket_event`). The parameters are those of `access_log`; `if` is evaluated for both lines, and variables are evaluated again for the second one. The format is one of `log_format`, or a predefined one: `websocket`, the default, or `websocket_json`, one JSON object per line. Both have the duration, the side that closed the WebSocket, with the status code and reason, messages, frames and bytes of payload received from the client and sent to it, the round trips of the latest pings, the upstream server and the number of the configuration. The variables `$websocket_*` can be used in any format; in an access log, which has one line for each WebSocket, at its end, they have their final values. A reload that changes only this directive and formats applies to open WebSockets. This is an extension of tsproxy; nginx has no such directive.',
      example: 'websocket_log logs/websocket.log websocket_json;',
    },
    open_log_file_cache: {
      contexts: ['http', 'server', 'location'],
      takes: custom('max=N [inactive=time] [min_uses=N] [valid=time] | off', 1, 4, parseCache),
      default: 'off',
      doc: 'Caches open files of logs whose paths contain variables: at most `max` files that were used `min_uses` times, until they have not been used for the time `inactive`. Once per `valid`, it is checked whether the path still refers to the same file. Without a cache, such a log is opened for each line.',
      example: 'open_log_file_cache max=1000 inactive=20s valid=1m min_uses=2;',
    },
  },
  variables,
  check: checkLogs,
  http(conf, _block, compiler) {
    compileFormats(conf.log_format, compiler);
  },
  tunnelContinues: (change) => change === 'websocket_log' || change.startsWith('log_format '),
  settings(conf, at) {
    const { websocket_log: logs, open_log_file_cache: cache } = conf;
    // A server's own level opens no tunnels.
    if (at.block.context === 'server' || at.block.context === 'http') return;
    const log = compileLogs(logs, cache, true, at);
    if (log !== null) at.program.settings.set(WEBSOCKET_LOG, log);
  },
  phases: {
    log: { order: 100, compile: (conf, at) => compileAccessLogs(conf.access_log, conf.open_log_file_cache, at) },
  },
});
