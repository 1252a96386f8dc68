/** Applications whose projects publish a configuration of their own: h5bp, Jitsi, Mattermost, Lemmy, Discourse, Nextcloud. */
import { render, type Value } from './go-template.js';
import { CACHED, FASTCGI, SLICES } from './missing.js';
import { application, replies, request, strangers, type Target, upgradeOnly, webSocket } from './requests.js';
import type { Deployment, SiteRequest } from './site.js';
import { fromJson, templateFunctions } from './template-functions.js';

const GZIP = ['Accept-Encoding: gzip'];
const DATED = ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT'];
const PAGE = `<!doctype html>\n<title>page</title>\n${'<p>text</p>\n'.repeat(40)}`;
const STYLES = 'p { color: red }\n'.repeat(60);

/** Requests for static files. */
function files(target: Target, paths: readonly string[]): SiteRequest[] {
  return paths.flatMap((path) => [
    request(target, `GET ${path}`),
    request(target, `HEAD ${path}`, GZIP),
    request(target, `GET ${path}`, GZIP),
    request(target, `GET ${path}`, DATED),
    request(target, `GET ${path}`, ['Range: bytes=0-4']),
    request(target, `GET ${path}`, ['Range: bytes=1-2,-3', 'Origin: https://other.example']),
  ]);
}

const H5BP = 'h5bp/server-configs-nginx';
const H5BP_FILES: Readonly<Record<string, string>> = {
  'index.html': PAGE,
  '404.html': '<p>not here</p>',
  'style.css': STYLES,
  'app.js': 'let x = 1;\n'.repeat(50),
  'data.json': `[${'1,'.repeat(300)}1]`,
  'image.svg': `<svg>${'<g/>'.repeat(100)}</svg>`,
  'image.png': 'png',
  'favicon.ico': 'icon',
  'font.woff2': 'font',
  'site.webmanifest': '{}',
  'feed.rss': '<rss/>',
  '.env': 'secret',
  '.well-known/security.txt': 'contact',
  'dump.sql': 'secret',
  'backup~': 'secret',
  'page.conf': 'secret',
};

function h5bpSite(scheme: 'http' | 'https'): SiteRequest[] {
  const site: Target = { host: 'example.com', scheme };
  return [
    ...Object.keys(H5BP_FILES).map((path) => request(site, `GET /${path}`)),
    ...files(site, ['/', '/style.css', '/image.svg']),
    request(site, 'GET /missing'),
    request(site, 'POST /', [], 'a=1'),
    request(site, 'GET /.git/config'),
    request(site, 'GET /%2e%65nv'),
    request(site, 'DELETE /style.css'),
    request({ ...site, host: 'www.example.com' }, 'GET /page?a=1'),
    request({ ...site, host: 'WWW.EXAMPLE.COM' }, 'GET /page?a=1'),
    request({ ...site, host: 'other.example' }, 'GET /'),
  ];
}

function h5bp(secure: boolean): Deployment {
  return {
    name: secure ? 'h5bp' : 'h5bp without TLS',
    ports: [80, 443],
    hosts: ['example.com', 'www.example.com'],
    certificates: [['etc/nginx/certs/default.crt', 'etc/nginx/certs/default.key']],
    assemble(place) {
      place.configuration('nginx.conf', place.read(H5BP, 'nginx.conf'));
      place.write('mime.types', place.read(H5BP, 'mime.types'));
      place.copy(H5BP, 'h5bp', 'h5bp');
      const conf = secure ? ['.default.conf', 'templates/example.com.conf'] : [];
      for (const name of ['no-ssl.default.conf', 'templates/no-ssl.example.com.conf', ...conf]) {
        if (secure && name === 'templates/no-ssl.example.com.conf') continue;
        place.configuration(`conf.d/${name.replace(/^templates\/|^\./, '')}`, place.read(H5BP, `conf.d/${name}`));
      }
      place.files('var/www/example.com/public', H5BP_FILES);
    },
    sites: [
      { name: `h5bp: example.com${secure ? '' : ' without TLS'}`, requests: h5bpSite(secure ? 'https' : 'http') },
    ],
  };
}

const JITSI = 'jitsi/docker-jitsi-meet';
const MEET: Target = { host: 'meet.example.com' };
const ROOM_SERVICES: readonly SiteRequest[] = ['', '/tenant'].flatMap((path) => {
  const target = { ...MEET, path };
  return [
    request(target, 'GET /http-bind?room=a'),
    request(target, 'POST /http-bind?room=a', ['Content-Type: text/xml'], '<body/>'),
    request(target, 'GET /http-bind?reply=cookies'),
    webSocket(target, '/xmpp-websocket?room=a', ['Sec-WebSocket-Protocol: xmpp']),
    request(target, 'GET /_api/room-info?room=a'),
  ];
});

const jitsi: Deployment = {
  name: 'Jitsi',
  ports: [8000, 8443],
  hosts: ['meet.example.com'],
  certificates: [['storage/keys/cert.crt', 'storage/keys/cert.key']],
  assemble(place) {
    const base = `http://127.0.0.1:${place.addresses.backEnd}`;
    const Env = {
      XMPP_BOSH_URL_BASE: base,
      ETHERPAD_URL_BASE: base,
      WHITEBOARD_COLLAB_SERVER_URL_BASE: base,
      RTCSTATS_URL_BASE: base,
      RTC_VISUALIZER_URL_BASE: base,
      RTCSTATS_ENABLED: '1',
      ENABLE_JAAS_COMPONENTS: '1',
      DEPLOYMENTINFO_SHARD: 'one',
      CSP_HEADER: "default-src 'self'",
      NGINX_WORKER_PROCESSES: '1',
    };
    const data: Value = fromJson({ Env });
    const functions = templateFunctions(() => false);
    const rendered = (name: string) =>
      render(place.read(JITSI, `web/rootfs/defaults/${name}`).replaceAll('utf8', 'utf-8'), data, functions);
    place.configuration('nginx.conf', rendered('nginx.conf'));
    for (const name of ['meet.conf', 'ssl.conf']) place.configuration(`run/web/config/nginx/${name}`, rendered(name));
    place.configuration('run/web/config/nginx/site-confs/default', rendered('default'));
    place.write('defaults/ffdhe2048.txt', place.read(JITSI, 'web/rootfs/defaults/ffdhe2048.txt'));
    place.files('run/web/config', {
      'config.js':
        'var subdir = "<!--# echo var="subdir" default="" -->", sub = "<!--# echo var="subdomain" default="" -->";',
      'interface_config.js': 'var interfaceConfig = {};',
    });
    place.files('usr/share/jitsi-meet', {
      'index.html': '<!--#include virtual="title.html" --><base href="<!--# echo var="subdir" default="" -->">',
      'title.html': '<title>meet</title>',
      'manifest.json': '{"name":"meet"}',
      'pwa-worker.js': 'self.x = 1;',
      'static/404.html': '<p>no such page</p>',
      'libs/app.js': 'let lib = 1;\n'.repeat(100),
      'libs/external_api.min.js': 'let api = 1;',
      'css/all.css': STYLES,
      'sounds/ring.wav': 'wav',
    });
  },
  sites: [
    {
      name: 'jitsi: files',
      requests: [
        ...[
          '/',
          '/room',
          '/room?jwt=a',
          '/config.js',
          '/interface_config.js',
          '/external_api.js',
          '/manifest.json',
        ].map((path) => request(MEET, `GET ${path}`)),
        ...['/tenant/room', '/tenant/config.js', '/tenant/manifest.json', '/tenant/pwa-worker.js', '/tenant/'].map(
          (path) => request(MEET, `GET ${path}`),
        ),
        ...files(MEET, ['/libs/app.js', '/css/all.css?v=1', '/libs/none.js', '/sounds/ring.wav?v=2']),
        request(MEET, 'HEAD /room', GZIP),
        request(MEET, 'GET /', GZIP),
        request(MEET, 'POST /room', [], 'a'),
        request(MEET, 'GET /a&b'),
        request({ ...MEET, scheme: 'http' }, 'GET /room'),
        request({ ...MEET, host: 'unknown.example' }, 'GET /'),
      ].map((each): SiteRequest => ({ ...each, port: each.scheme === 'http' ? 8000 : 8443 })),
    },
    {
      name: 'jitsi: services',
      requests: [
        ...ROOM_SERVICES,
        webSocket(MEET, '/etherpad/socket.io/?room=a'),
        request(MEET, 'GET /etherpad/p/pad?a=1'),
        webSocket(MEET, '/rtcstats-ws/'),
        webSocket(MEET, '/socket.io/?EIO=4&transport=websocket'),
        request(MEET, 'GET /socket.io/?EIO=4&transport=polling'),
        request(MEET, 'GET /rtc-visualizer'),
        request(MEET, 'GET /rtc-visualizer/x?a=1'),
        ...replies({ ...MEET, path: '/etherpad' }, [
          'missing',
          'redirect',
          'cookies',
          'styles',
          'chunks',
          'close',
          'large',
          'reset',
          'policies',
        ]),
      ].map((each): SiteRequest => ({ ...each, port: 8443 })),
    },
  ],
};

const MATTERMOST = 'mattermost/docker';
const CHAT: Target = { host: 'chat.example.com' };

/** The configuration that surrounds one of `conf.d`. */
function around(http: string): string {
  return `worker_processes 1;
events { worker_connections 1024; }
http {
  include mime.types;
  default_type application/octet-stream;
  keepalive_timeout 65;
  ${http}
}
`;
}

const mattermost: Deployment = {
  name: 'Mattermost',
  ports: [80, 443],
  hosts: ['chat.example.com'],
  certificates: [['cert.pem', 'key.pem']],
  assemble(place) {
    place.configuration('nginx.conf', around('include conf.d/*.conf;'));
    const text = place.read(MATTERMOST, 'nginx/conf.d/default.conf');
    place.configuration(
      'conf.d/default.conf',
      text.replaceAll('mattermost:8065', `127.0.0.1:${place.addresses.backEnd}`),
    );
    place.write('dhparams4096.pem', place.read(MATTERMOST, 'nginx/dhparams4096.pem'));
    place.write('usr/share/nginx/html/.well-known/acme-challenge/token', 'answer');
  },
  sites: [
    {
      name: 'mattermost',
      requests: [
        ...strangers(['chat.example.com']),
        ...application(CHAT).map((each) =>
          /^HEAD|If-None-Match/.test(`${each.line} ${each.fields}`) ? { ...each, differs: CACHED } : each,
        ),
        webSocket(CHAT, '/api/v4/websocket?connection_id='),
        webSocket(CHAT, '/api/v4/users/websocket'),
        upgradeOnly(CHAT, '/plugins/x/ws'),
        request(CHAT, 'GET /api/v4/websocket'),
        request(CHAT, 'GET /.well-known/acme-challenge/token'),
        request(CHAT, 'GET /.well-known/none'),
      ],
    },
  ],
};

const LEMMY = 'LemmyNet/lemmy-ansible';
const FEDERATED: Target = { host: 'lemmy.example.com' };
/** Requests that do not reach the back end. */
const REFUSED = /X-Long|\.\.\/etc/;

const lemmy: Deployment = {
  name: 'Lemmy',
  ports: [80, 443],
  hosts: ['lemmy.example.com'],
  certificates: [
    ['etc/letsencrypt/live/lemmy.example.com/fullchain.pem', 'etc/letsencrypt/live/lemmy.example.com/privkey.pem'],
  ],
  assemble(place) {
    const text = place
      .read(LEMMY, 'templates/nginx.conf')
      .replace(/\{\{\s*domain\s*\}\}/g, 'lemmy.example.com')
      .replace(/\{\{\s*domain\|[^}]*\}\}/g, 'lemmy_example_com')
      .replace(/0\.0\.0\.0:\{\{\s*lemmy_port\s*\}\}/g, `127.0.0.1:${place.addresses.backEnd}`);
    place.configuration('nginx.conf', around('include conf.d/*.conf;'));
    place.configuration('conf.d/lemmy.conf', text);
    for (const directory of ['var/cache/lemmy', 'var/www/certbot']) place.write(`${directory}/.keep`, '');
    place.write('var/www/certbot/.well-known/acme-challenge/token', 'answer');
  },
  sites: [
    {
      name: 'lemmy: public',
      requests: [
        ...strangers(['lemmy.example.com']).map((each) =>
          each.scheme === 'https' ? { ...each, differs: SLICES } : each,
        ),
        ...[...application(FEDERATED), webSocket(FEDERATED, '/api/v3/ws')].map((each) =>
          REFUSED.test(`${each.line} ${each.fields}`) ? each : { ...each, differs: SLICES },
        ),
      ],
    },
  ],
};

const ACTIVITY = ['Accept: application/activity+json'];

const lemmyInternal: Deployment = {
  name: 'Lemmy, internal',
  ports: [1236, 8536],
  hosts: ['localhost'],
  certificates: [],
  assemble(place) {
    const conditions = /\{%\s*if anubis[\s\S]*?%\}([\s\S]*?)(?:\{%\s*else\s*%\}[\s\S]*?)?\{%\s*endif\s*%\}/g;
    let text = place.read(LEMMY, 'templates/nginx_internal.conf').replace(conditions, '$1');
    for (const name of ['anubis:8924', 'lemmy-ui:1234', 'lemmy:8536'])
      text = text.replaceAll(name, `127.0.0.1:${place.addresses.backEnd}`);
    place.configuration('nginx.conf', text.replace(/\{\{[^}]*\}\}/g, '127.0.0.11'));
  },
  sites: [
    {
      name: 'lemmy: internal',
      requests: [
        ...application({ host: 'localhost', scheme: 'http' }),
        ...[
          'GET /u/ann',
          'HEAD /u/ann',
          'POST /inbox',
          'GET /post/1/',
          'GET /post/1///?a=1',
          'PATCH /u/ann',
          'GET /',
        ].flatMap((line) => [
          request({ host: 'localhost', scheme: 'http' }, line, ACTIVITY),
          request({ host: 'lemmy.example.com', scheme: 'http' }, line, [
            'Accept: text/html',
            'X-Forwarded-For: 192.0.2.7',
          ]),
        ]),
        ...[
          '/api/v3/site',
          '/pictrs/image/a.png',
          '/nodeinfo/2.0.json',
          '/.well-known/webfinger?resource=a',
          '/.well-known/security.txt',
          '/sitemap.xml',
          '/.within.website/x',
          '/version',
          '/feeds/all.xml',
        ].map((path) => request({ host: 'localhost', scheme: 'http' }, `GET ${path}`)),
      ].map((each): SiteRequest => ({ ...each, port: 1236 })),
    },
  ],
};

const NEXTCLOUD = 'nextcloud/docker';
const CLOUD: Target = { host: 'cloud.example.com', scheme: 'http' };

const nextcloud: Deployment = {
  name: 'Nextcloud',
  ports: [80],
  hosts: ['cloud.example.com'],
  certificates: [],
  assemble(place) {
    const text = place.read(NEXTCLOUD, '.examples/docker-compose/insecure/postgres/fpm/web/nginx.conf');
    place.configuration(
      'nginx.conf',
      text.replace('server app:9000 resolve;', `server 127.0.0.1:${place.addresses.backEnd};`),
    );
    place.files('var/www/html', {
      'robots.txt': 'User-agent: *',
      'core/css/server.css': STYLES,
      'core/js/main.mjs': 'export default 1;',
      'core/fonts/font.woff2': 'font',
      'core/img/logo.svg': '<svg/>',
      'config/config.php': 'secret',
      '.well-known/acme-challenge/token': 'answer',
    });
  },
  sites: [
    {
      name: 'nextcloud: fpm',
      requests: [
        ...files(CLOUD, ['/core/css/server.css?v=1', '/core/fonts/font.woff2', '/robots.txt', '/core/img/logo.svg']),
        ...[
          '/.well-known/carddav',
          '/.well-known/caldav',
          '/.well-known/webfinger?a=1',
          '/.well-known/acme-challenge/token',
          '/.well-known/acme-challenge/none',
          '/config/config.php',
          '/data/x',
          '/.htaccess',
          '/console',
          '/remote/x',
          '/remote',
        ].map((path) => request(CLOUD, `GET ${path}`)),
        request(CLOUD, 'GET /', ['User-Agent: DavClnt/1']),
        request(CLOUD, 'POST /robots.txt', [], 'a'),
        ...['GET /', 'GET /index.php', 'GET /apps/files/', 'GET /core/css/none.css', 'PUT /remote.php/dav/a'].map(
          (line) => ({
            ...request(CLOUD, line),
            differs: FASTCGI,
          }),
        ),
      ],
    },
  ],
};

const DISCOURSE = 'discourse/discourse';
const FORUM: Target = { host: 'forum.example.com' };
const FORUM_FILES: Readonly<Record<string, string>> = {
  'robots.txt': 'User-agent: *',
  'assets/app.js': 'let app = 1;\n'.repeat(200),
  'assets/app.js.gz': 'not really compressed',
  'assets/font.woff2': 'font',
  'javascripts/x.js': 'let x = 1;',
  'plugins/a/b.css': STYLES,
  'images/emoji/a.png': 'emoji',
  'uploads/default/a.png': 'upload',
  'uploads/default/a.svg': '<svg/>',
  'uploads/default/optimized/a.dat': 'thumbnail',
  'uploads/stylesheet-cache/a.css': STYLES,
  'backups/archive.tar.gz': 'backup',
  '.well-known/acme-challenge/token': 'answer',
};

function forum(target: Target): SiteRequest[] {
  return [
    ...application(target),
    ...Object.keys(FORUM_FILES).map((path) => request(target, `GET /${path}`)),
    ...files(target, ['/assets/app.js', '/uploads/default/a.png', '/javascripts/x.js']),
    ...[
      '/uploads/default/none.png',
      '/uploads/other.dat',
      '/uploads/short-url/a.png',
      '/secure-uploads/a',
      '/favicon.ico',
      '/srv/status',
      '/letter_avatar/ann/45/1.png',
      '/message-bus/abc/poll',
      '/downloads/backups/archive.tar.gz',
    ].map((path) => request(target, `GET ${path}`)),
    request(target, 'GET /admin/backups/archive.tar.gz?reply=sendfile'),
    request(target, 'HEAD /admin/backups/archive.tar.gz?reply=sendfile'),
    request(target, 'GET /uploads/other.dat?reply=sendfile'),
    ...replies(target, ['cookies', 'policies', 'missing', 'styles'], '/letter_avatar/a'),
    ...replies(target, ['chunks', 'large', 'json'], '/message-bus/abc/poll'),
    request(target, 'POST /message-bus/abc/poll', ['X-SILENCE-LOGGER: true'], 'a=1'),
    request(target, 'GET /t', ['X-Forwarded-Proto: http, https']),
  ];
}

/** Directives of TLS, as the image adds them. */
const FORUM_TLS = `listen 443 ssl;
  ssl_certificate /shared/ssl/ssl.crt;
  ssl_certificate_key /shared/ssl/ssl.key;
  ssl_session_tickets off;
  add_header Strict-Transport-Security 'max-age=31536000';
  if ($http_host != forum.example.com) { rewrite (.*) https://forum.example.com$1 permanent; }`;

const discourse: Deployment = {
  name: 'Discourse',
  ports: [80, 443],
  hosts: ['forum.example.com'],
  certificates: [['shared/ssl/ssl.crt', 'shared/ssl/ssl.key']],
  assemble(place) {
    const plain = place
      .read(DISCOURSE, 'config/nginx.sample.conf')
      .replace(/server unix:[^;]*;/g, `server 127.0.0.1:${place.addresses.backEnd};`)
      .replaceAll('enter.your.web.hostname.here', 'forum.example.com')
      // nginx has no such directive without a third-party module.
      .replace(/brotli_static on;/g, '');
    const start = plain.search(/^server \{/m);
    const secure = plain.slice(start).replace(/listen 80;/, FORUM_TLS);
    place.configuration('nginx.conf', around('include conf.d/*.conf;'));
    place.configuration('conf.d/discourse.conf', `${plain}\n${secure}`);
    for (const name of ['before-server', 'server', 'discourse']) place.write(`conf.d/outlets/${name}/10-none.conf`, '');
    place.files('var/www/discourse/public', FORUM_FILES);
  },
  sites: [
    { name: 'discourse: http', requests: forum({ ...FORUM, scheme: 'http' }) },
    {
      name: 'discourse: https',
      requests: [
        ...forum(FORUM),
        request({ host: 'other.example.com' }, 'GET /t/1?a=1'),
        request({ host: 'forum.example.com:8443' }, 'GET /t'),
      ],
    },
  ],
};

export const applications: readonly Deployment[] = [
  h5bp(true),
  h5bp(false),
  jitsi,
  mattermost,
  lemmy,
  lemmyInternal,
  nextcloud,
  discourse,
];
