/** docker-swag with a dozen of its applications: subdomains, subfolders, WebSockets, and each kind of authentication. */
import { FASTCGI } from './missing.js';
import type { Place } from './place.js';
import { application, request, strangers, type Target, webSocket } from './requests.js';
import type { Deployment, Site, SiteRequest } from './site.js';

const ROOT = 'linuxserver/docker-swag';
const BASE = 'linuxserver/docker-baseimage-alpine-nginx';
const CONFS = 'linuxserver/reverse-proxy-confs';

/** Applications, and the lines of their texts that are enabled, as the texts' comments suggest. */
const SUBDOMAINS: Readonly<Record<string, RegExp | null>> = {
  jellyfin: null,
  nextcloud: null,
  homeassistant: null,
  vaultwarden: null,
  gitea: null,
  plex: null,
  synapse: null,
  collabora: null,
  heimdall: /include \/config\/nginx\/authelia-\w+\.conf;/,
  sonarr: /include \/config\/nginx\/authentik-\w+\.conf;/,
  radarr: /auth_basic.*;/,
  grafana: /include \/config\/nginx\/ldap-\w+\.conf;/,
};
const SUBFOLDERS = ['jellyfin', 'guacamole', 'portainer', 'calibre-web', 'emby', 'filebrowser'];

function enabled(text: string, lines: RegExp | null): string {
  return lines === null ? text : text.replace(new RegExp(`#(?=${lines.source})`, 'g'), '');
}

/** Uses `set` for `set_escape_uri`: nginx has no such directive without a third-party module. */
function builtIn(text: string): string {
  return text.replaceAll('set_escape_uri', 'set');
}

function assemble(place: Place): void {
  const sample = (name: string) => `root/defaults/nginx/${name}.sample`;
  place.configuration('nginx.conf', place.read(BASE, sample('nginx.conf')));
  place.configuration('config/nginx/ssl.conf', place.read(BASE, sample('ssl.conf')));
  place.write('config/nginx/dhparams.pem', place.read(BASE, 'root/defaults/nginx/dhparams.pem'));
  place.configuration('config/nginx/worker_processes.conf', 'worker_processes 1;\n');
  place.configuration('config/nginx/resolver.conf', 'resolver 127.0.0.11 valid=30s;\n');
  place.configuration('config/nginx/proxy.conf', place.read(ROOT, sample('proxy.conf')));
  place.configuration('config/nginx/site-confs/default.conf', place.read(ROOT, sample('site-confs/default.conf')));
  for (const kind of ['authelia', 'authentik', 'ldap', 'tinyauth'])
    for (const part of ['server', 'location'])
      place.configuration(
        `config/nginx/${kind}-${part}.conf`,
        builtIn(place.read(ROOT, sample(`${kind}-${part}.conf`))),
      );
  for (const [name, lines] of Object.entries(SUBDOMAINS)) {
    const text = place.read(CONFS, `${name}.subdomain.conf.sample`);
    place.configuration(`config/nginx/proxy-confs/${name}.subdomain.conf`, enabled(text, lines));
  }
  for (const name of SUBFOLDERS)
    place.configuration(
      `config/nginx/proxy-confs/${name}.subfolder.conf`,
      place.read(CONFS, `${name}.subfolder.conf.sample`),
    );
  // ann:secret
  place.write('config/nginx/.htpasswd', 'ann:$apr1$salt$VEpBc9VHGUKwI9.yg13Iu0\n');
  place.files('config/www', {
    'index.html': '<h1>home</h1>',
    'style.css': 'p { color: red }',
    'folder/index.html': 'folder',
    '.htaccess': 'secret',
  });
}

const at = (name: string): Target => ({ host: `${name}.example.com` });
const WWW: Target = { host: 'www.example.com' };

function subdomain(name: string, requests: readonly SiteRequest[] = []): Site {
  return { name: `swag: ${name}.subdomain`, requests: [...application(at(name)), ...requests] };
}
function subfolder(name: string, requests: readonly SiteRequest[] = []): Site {
  const target = { ...WWW, path: `/${name}` };
  const bare = { ...request(WWW, `GET /${name}`), scheme: 'https' as const };
  return { name: `swag: ${name}.subfolder`, requests: [bare, ...application(target), ...requests] };
}
function guarded(name: string, fields: readonly string[]): SiteRequest[] {
  return [
    request(at(name), 'GET /private?a=1', fields),
    request(at(name), 'POST /private', fields, 'a=1'),
    request(at(name), 'GET /private?reply=cookies', fields),
    request(at(name), 'GET /api/items'),
    request(at(name), 'GET /api/items', fields),
    webSocket(at(name), '/socket', fields),
  ];
}

export const swag: Deployment = {
  name: 'docker-swag',
  ports: [80, 443, 8448],
  hosts: ['*.example.com', 'example.com'],
  certificates: [['config/keys/cert.crt', 'config/keys/cert.key']],
  assemble,
  sites: [
    {
      name: 'swag: default',
      requests: [
        ...strangers(['example.com', 'jellyfin.example.com']),
        ...['/', '/style.css', '/folder', '/folder/', '/.htaccess'].map((path) => request(WWW, `GET ${path}`)),
        request(WWW, 'HEAD /style.css'),
        request(WWW, 'GET /style.css', ['Range: bytes=2-5']),
        request(WWW, 'GET /style.css', ['If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT']),
        request(WWW, 'GET /style.css', ['Accept-Encoding: gzip']),
        request(WWW, 'POST /style.css', [], 'a'),
        request(WWW, 'GET /none'),
        { ...request(WWW, 'GET /none.php'), differs: FASTCGI },
      ],
    },
    subdomain('jellyfin', [
      webSocket(at('jellyfin'), '/socket?api_key=1'),
      request(at('jellyfin'), 'GET /metrics'),
      request(at('jellyfin'), 'GET /jellyfin/socket'),
    ]),
    subdomain('nextcloud', [request(at('nextcloud'), 'PUT /remote.php/dav/files/a.txt', [], 'text')]),
    subdomain('homeassistant', [webSocket(at('homeassistant'), '/api/websocket')]),
    subdomain('vaultwarden', [
      webSocket(at('vaultwarden'), '/notifications/hub'),
      request(at('vaultwarden'), 'GET /admin'),
      request(at('vaultwarden'), 'GET /api/config'),
    ]),
    subdomain('gitea', [request(at('gitea'), 'GET /user/repo.git/info/lfs/objects')]),
    subdomain('plex', [
      request(at('plex'), 'GET /', ['X-Plex-Token: abc', 'X-Plex-Device: tv']),
      request(at('plex'), 'GET /library/streams/1', ['X-Plex-Token: abc', 'Cookie: a=1']),
      request(at('plex'), 'POST /library/streams/1', ['X-Plex-Token: abc'], 'body'),
    ]),
    {
      name: 'swag: synapse.subdomain',
      requests: [
        ...application(at('matrix')),
        { ...request(at('matrix'), 'GET /_matrix/federation/v1/version'), port: 8448 },
        { ...request(at('matrix'), 'PUT /_matrix/federation/v1/send/1', [], '{}'), port: 8448 },
      ],
    },
    subdomain('collabora', [webSocket(at('collabora'), '/cool/adoc/ws')]),
    { name: 'swag: heimdall.subdomain with authelia', requests: guarded('heimdall', ['Cookie: session=ann']) },
    { name: 'swag: heimdall.subdomain without a session', requests: guarded('heimdall', []) },
    { name: 'swag: sonarr.subdomain with authentik', requests: guarded('sonarr', ['Cookie: session=ann']) },
    { name: 'swag: sonarr.subdomain without a session', requests: guarded('sonarr', []) },
    {
      name: 'swag: radarr.subdomain with auth_basic',
      requests: guarded('radarr', ['Authorization: Basic YW5uOnNlY3JldA==']),
    },
    {
      name: 'swag: radarr.subdomain without a password',
      requests: guarded('radarr', ['Authorization: Basic YW5uOndyb25n']),
    },
    { name: 'swag: grafana.subdomain with ldap', requests: guarded('grafana', ['Cookie: session=ann; nginxauth=x']) },
    ...SUBFOLDERS.map((name) =>
      subfolder(
        name,
        name === 'emby' ? [webSocket(WWW, '/embywebsocket?api_key=1'), webSocket(WWW, '/emby/socket')] : [],
      ),
    ),
  ],
};
