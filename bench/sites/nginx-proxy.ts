/** nginx-proxy: what its template writes for some containers. */
import { render, type Value } from './go-template.js';
import type { Place } from './place.js';
import { application, request, strangers, type Target, upgradeOnly, webSocket } from './requests.js';
import type { Deployment, SiteRequest } from './site.js';
import { fromJson, templateFunctions } from './template-functions.js';

const REPOSITORY = 'nginx-proxy/nginx-proxy';
const LABEL = 'com.github.nginx-proxy.nginx-proxy';

interface Container {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

const CONTAINERS: readonly Container[] = [
  { name: 'shop', env: { VIRTUAL_HOST: 'shop.example.com,www.shop.example.com' } },
  { name: 'plain', env: { VIRTUAL_HOST: 'plain.example.com', HTTPS_METHOD: 'nohttps' } },
  {
    name: 'both',
    env: { VIRTUAL_HOST: 'both.example.com', HTTPS_METHOD: 'noredirect', HSTS: 'off', SERVER_TOKENS: 'off' },
  },
  { name: 'api', env: { VIRTUAL_HOST: 'paths.example.com', VIRTUAL_PATH: '/api/', VIRTUAL_DEST: '/v1/' } },
  { name: 'web', env: { VIRTUAL_HOST: 'paths.example.com', VIRTUAL_PATH: '/web/' } },
  {
    name: 'ports',
    env: { VIRTUAL_HOST_MULTIPORTS: '{"ports.example.com": {"/": {}, "/admin/": {"dest": "/"}}}' },
    labels: { [`${LABEL}.keepalive`]: 'disabled' },
  },
  { name: 'regex', env: { VIRTUAL_HOST: '~^app-\\d+\\.example\\.com$' } },
  { name: 'wildcard', env: { VIRTUAL_HOST: '*.wild.example.com', SSL_POLICY: 'Mozilla-Modern' } },
  { name: 'intranet', env: { VIRTUAL_HOST: 'intranet.example.com', NETWORK_ACCESS: 'internal' } },
  { name: 'members', env: { VIRTUAL_HOST: 'members.example.com' }, labels: { [`${LABEL}.non-get-redirect`]: '308' } },
  {
    name: 'tls',
    env: { VIRTUAL_HOST: 'tls.example.com', VIRTUAL_PROTO: 'https' },
    labels: { [`${LABEL}.loadbalance`]: 'ip_hash;' },
  },
  { name: 'debug', env: { VIRTUAL_HOST: 'debug.example.com' }, labels: { [`${LABEL}.debug-endpoint`]: 'true' } },
];

function data(port: number): Value {
  const networks = [{ Name: 'bridge', IP: '127.0.0.1', Gateway: '127.0.0.1', GlobalIPv6Address: '', Internal: false }];
  const containers = [
    { ID: 'proxy', Name: 'proxy', Env: {}, Labels: { [`${LABEL}.nginx`]: '' }, Networks: networks, Addresses: [] },
    ...CONTAINERS.map(({ name, env, labels = {} }) => ({
      ID: name,
      Name: name,
      Env: env,
      Labels: labels,
      Networks: networks,
      Addresses: [{ Port: String(port), Proto: 'tcp', HostPort: '' }],
    })),
  ];
  return fromJson({ Env: {}, Docker: { CurrentContainerID: 'proxy' }, Containers: containers });
}

function assemble(place: Place): void {
  place.configuration(
    'nginx.conf',
    'worker_processes 1; events { worker_connections 1024; } http { include mime.types; default_type application/octet-stream; keepalive_timeout 65; include conf.d/*.conf; }',
  );
  place.configuration('etc/nginx/network_internal.conf', place.read(REPOSITORY, 'network_internal.conf'));
  place.write('etc/nginx/htpasswd/members.example.com', 'ann:$apr1$salt$VEpBc9VHGUKwI9.yg13Iu0\n');
  place.write('usr/share/nginx/html/.well-known/acme-challenge/token', 'answer');
  place.write('usr/share/nginx/html/errors/50x.html', '<p>an error</p>');
  place.configuration('etc/nginx/vhost.d/shop.example.com', 'client_max_body_size 1k;\n');
  place.configuration('etc/nginx/vhost.d/default_location', 'proxy_read_timeout 30s;\n');
  const containers = data(place.addresses.backEnd);
  const functions = templateFunctions((path) => place.exists(path));
  // In Go the dot is a list that has fields as well.
  const template = place.read(REPOSITORY, 'nginx.tmpl').replace('"containers" $ }}', '"containers" $.Containers }}');
  const text = render(template, containers, functions);
  place.configuration('conf.d/default.conf', text);
}

const at = (name: string, scheme: 'http' | 'https' = 'https'): Target => ({ host: `${name}.example.com`, scheme });

function site(name: string, requests: readonly SiteRequest[]) {
  return { name: `nginx-proxy: ${name}`, requests };
}

export const nginxProxy: Deployment = {
  name: 'nginx-proxy',
  ports: [80, 443],
  hosts: ['*.example.com', 'example.com', '*.shop.example.com', '*.wild.example.com'],
  certificates: [['etc/nginx/certs/default.crt', 'etc/nginx/certs/default.key']],
  assemble,
  sites: [
    site('fallback', strangers(['shop.example.com', 'members.example.com'])),
    site('shop', [
      ...application(at('shop')),
      ...application(at('www.shop')).slice(0, 3),
      webSocket(at('shop'), '/socket'),
      request(at('shop'), 'POST /', [], 'x'.repeat(1025)),
      { ...request(at('shop'), 'GET /'), host: 'shop.example.com:8443' },
    ]),
    site('plain', [...application(at('plain', 'http')), webSocket(at('plain', 'http'), '/socket')]),
    site('both', [...application(at('both', 'http')), ...application(at('both')).slice(0, 6)]),
    site('paths', [
      ...application({ ...at('paths'), path: '/api' }),
      ...application({ ...at('paths'), path: '/web' }),
      request(at('paths'), 'GET /'),
      request(at('paths'), 'GET /api'),
      webSocket(at('paths'), '/api/socket'),
    ]),
    site('ports', [
      ...application(at('ports')),
      request(at('ports'), 'GET /admin/x'),
      webSocket(at('ports'), '/socket'),
    ]),
    site('names', [
      request(at('app-1'), 'GET /'),
      request(at('app-x'), 'GET /'),
      request(at('a.wild'), 'GET /'),
      request(at('wild'), 'GET /'),
    ]),
    site('intranet', application(at('intranet')).slice(0, 5)),
    site('members', [
      request(at('members'), 'GET /'),
      request(at('members'), 'GET /', ['Authorization: Basic YW5uOnNlY3JldA==']),
      request(at('members'), 'GET /', ['Authorization: Basic YW5uOndyb25n']),
      request(at('members', 'http'), 'POST /', [], 'a'),
      upgradeOnly(at('members'), '/socket'),
    ]),
    site('tls', [...application(at('tls')), webSocket(at('tls'), '/socket')]),
    site('debug', [
      request(at('debug'), 'GET /nginx-proxy-debug'),
      request(at('debug', 'http'), 'GET /nginx-proxy-debug'),
    ]),
  ],
};
