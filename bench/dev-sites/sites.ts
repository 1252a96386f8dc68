/** Ten sites of public projects, with the options that name their back ends. */
import { render, type Value } from '../sites/go-template.js';
import { fromJson, templateFunctions } from '../sites/template-functions.js';
import { PACKAGED_CONF, type SiteFiles } from './site-files.js';

export interface DevSite {
  readonly name: string;
  /** Configuration file below the root. */
  readonly file: string;
  /** `--upstream` and `--map`; `BACK` stands for the back end's address. */
  readonly options: readonly string[];
  /** Host of the first page. */
  readonly host: string;
  /** Text on the page. */
  readonly shows: string;
  assemble(files: SiteFiles): void;
}

/** Title of the back end's pages. */
export const APPLICATION = 'the application answers';

/** Site below an `/etc/nginx` whose first page is the back end's. */
const APPLICATION_SITE = { file: 'etc/nginx/nginx.conf', shows: APPLICATION } as const;

const H5BP = 'h5bp/server-configs-nginx';

const h5bp: DevSite = {
  name: 'h5bp: a static site',
  file: APPLICATION_SITE.file,
  options: [],
  host: 'example.com',
  shows: 'a static page',
  assemble(files) {
    for (const name of ['nginx.conf', 'mime.types', 'h5bp', 'conf.d/.default.conf', 'conf.d/no-ssl.default.conf'])
      files.copy(H5BP, name, `etc/nginx/${name}`);
    files.copy(H5BP, 'conf.d/templates/example.com.conf', 'etc/nginx/conf.d/example.com.conf');
    files.write('var/www/example.com/public/index.html', '<!doctype html><title>home</title><h1>a static page</h1>');
  },
};

const JITSI = 'jitsi/docker-jitsi-meet';

const jitsi: DevSite = {
  name: 'jitsi: a meeting, with BOSH and WebSockets of prosody',
  file: 'run/web/config/nginx/nginx.conf',
  options: ['--upstream', 'xmpp.meet.jitsi=BACK'],
  host: 'localhost',
  shows: 'a meeting',
  assemble(files) {
    const Env = { XMPP_BOSH_URL_BASE: 'http://xmpp.meet.jitsi:5280', NGINX_RESOLVER: '127.0.0.11' };
    const functions = templateFunctions(() => false);
    for (const [name, to] of [
      ['nginx.conf', 'nginx.conf'],
      ['meet.conf', 'meet.conf'],
      ['ssl.conf', 'ssl.conf'],
      ['default', 'site-confs/default'],
    ]) {
      const text = files.read(JITSI, `web/rootfs/defaults/${name}`).replaceAll('utf8', 'utf-8');
      files.write(`run/web/config/nginx/${to}`, render(text, fromJson({ Env }), functions));
    }
    files.copy(JITSI, 'web/rootfs/defaults/ffdhe2048.txt', 'defaults/ffdhe2048.txt');
    files.write('usr/share/jitsi-meet/index.html', '<!doctype html><title>meet</title><h1>a meeting</h1>');
  },
};

const mattermost: DevSite = {
  name: 'mattermost: a chat',
  ...APPLICATION_SITE,
  options: ['--upstream', 'backend=BACK'],
  host: 'localhost',
  assemble(files) {
    files.write('etc/nginx/nginx.conf', PACKAGED_CONF);
    files.copy('mattermost/docker', 'nginx/conf.d/default.conf', 'etc/nginx/conf.d/default.conf');
  },
};

const lemmy: DevSite = {
  name: 'lemmy: a forum with a cache in slices',
  ...APPLICATION_SITE,
  options: ['--upstream', '0.0.0.0:10633=BACK'],
  host: 'lemmy.example.com',
  assemble(files) {
    const text = files
      .read('LemmyNet/lemmy-ansible', 'templates/nginx.conf')
      .replace(/\{\{\s*domain\s*\}\}/g, 'lemmy.example.com')
      .replace(/\{\{\s*domain\|[^}]*\}\}/g, 'lemmy_example_com')
      .replace(/\{\{\s*lemmy_port\s*\}\}/g, '10633');
    files.write('etc/nginx/nginx.conf', PACKAGED_CONF);
    files.write('etc/nginx/sites-enabled/lemmy.example.com', text);
  },
};

const DISCOURSE = 'discourse/discourse_docker';

const discourse: DevSite = {
  name: 'discourse: a forum behind unix sockets',
  ...APPLICATION_SITE,
  options: ['--upstream', 'discourse=BACK'],
  host: 'forum.example.com',
  assemble(files) {
    files.write('etc/nginx/nginx.conf', PACKAGED_CONF);
    // As web.template.yml and web.ssl.template.yml write them; newer samples have the includes.
    const sample = files.read('discourse/discourse', 'config/nginx.sample.conf');
    files.write(
      'etc/nginx/conf.d/discourse.conf',
      sample
        .replace('listen 80;', 'include conf.d/outlets/server/*.conf;')
        .replace(/^server \{/m, 'include conf.d/outlets/before-server/*.conf;\nserver {')
        .replace('enter.your.web.hostname.here', '_'),
    );
    const template = files.read(DISCOURSE, 'templates/web.ssl.template.yml');
    for (const [, path = '', text = ''] of template.matchAll(/cat << EOF > \/(\S+)\n([\s\S]*?)\n {8}EOF\n/g))
      files.write(
        path,
        text.replace(/^ {8}/gm, '').replaceAll('\\$', '$').replaceAll('${DISCOURSE_HOSTNAME}', 'forum.example.com'),
      );
  },
};

const LABEL = 'com.github.nginx-proxy.nginx-proxy';

/** Writes what nginx-proxy generates for containers, by their hosts. */
function generate(files: SiteFiles, containers: Readonly<Record<string, Readonly<Record<string, string>>>>): void {
  const networks = [
    { Name: 'bridge', IP: '172.17.0.2', Gateway: '172.17.0.1', GlobalIPv6Address: '', Internal: false },
  ];
  const others = Object.entries(containers).map(([name, Env], i) => ({
    ID: name,
    Name: name,
    Env,
    Labels: {},
    Networks: networks.map((each) => ({ ...each, IP: `172.17.0.${i + 3}` })),
    Addresses: [{ Port: '80', Proto: 'tcp', HostPort: '' }],
  }));
  const proxy = {
    ID: 'proxy',
    Name: 'proxy',
    Env: {},
    Labels: { [`${LABEL}.nginx`]: '' },
    Networks: networks,
    Addresses: [],
  };
  const data: Value = fromJson({ Env: {}, Docker: { CurrentContainerID: 'proxy' }, Containers: [proxy, ...others] });
  // The certificates exist where the generator runs.
  const functions = templateFunctions((path) => /\/certs\/default\.(crt|key)$/.test(path));
  const template = files
    .read('nginx-proxy/nginx-proxy', 'nginx.tmpl')
    .replace('"containers" $ }}', '"containers" $.Containers }}');
  files.write('etc/nginx/nginx.conf', PACKAGED_CONF);
  files.write('etc/nginx/conf.d/default.conf', render(template, data, functions));
}

const nginxProxy: DevSite = {
  name: 'nginx-proxy: several containers',
  ...APPLICATION_SITE,
  options: ['--upstream', 'shop.example.com=BACK', '--upstream', 'blog.example.com=BACK'],
  host: 'shop.example.com',
  assemble(files) {
    generate(files, {
      shop: { VIRTUAL_HOST: 'shop.example.com,www.shop.example.com' },
      blog: { VIRTUAL_HOST: 'blog.example.com' },
      intranet: { VIRTUAL_HOST: 'intranet.example.com', NETWORK_ACCESS: 'internal' },
      regex: { VIRTUAL_HOST: '~^app-\\d+\\.example\\.com$' },
    });
    files.copy('nginx-proxy/nginx-proxy', 'network_internal.conf', 'etc/nginx/network_internal.conf');
  },
};

const nextcloud: DevSite = {
  name: 'nextcloud: behind nginx-proxy, as its examples',
  ...APPLICATION_SITE,
  options: ['--upstream', 'cloud.example.com=BACK'],
  host: 'cloud.example.com',
  assemble(files) {
    generate(files, { app: { VIRTUAL_HOST: 'cloud.example.com' } });
    const example = '.examples/docker-compose/with-nginx-proxy/postgres/apache/proxy/uploadsize.conf';
    files.copy('nextcloud/docker', example, 'etc/nginx/conf.d/uploadsize.conf');
  },
};

const SWAG = 'linuxserver/docker-swag';
const BASE = 'linuxserver/docker-baseimage-alpine-nginx';
const CONFS = 'linuxserver/reverse-proxy-confs';

/** Writes docker-swag with some of its applications. */
function assembleSwag(files: SiteFiles, applications: readonly string[], enabled?: RegExp): void {
  const sample = (name: string) => `root/defaults/nginx/${name}.sample`;
  files.copy(BASE, 'root/etc/nginx/nginx.conf', 'etc/nginx/nginx.conf');
  for (const [repository, name] of [
    [BASE, 'nginx.conf'],
    [BASE, 'ssl.conf'],
    [SWAG, 'proxy.conf'],
    [SWAG, 'site-confs/default.conf'],
    ...['authelia', 'authentik', 'ldap', 'tinyauth'].flatMap((kind) => [
      [SWAG, `${kind}-server.conf`],
      [SWAG, `${kind}-location.conf`],
    ]),
  ] as const)
    files.copy(repository ?? '', sample(name ?? ''), `config/nginx/${name}`);
  files.write('config/nginx/resolver.conf', 'resolver 127.0.0.11 valid=30s;\n');
  files.write('config/nginx/worker_processes.conf', 'worker_processes auto;\n');
  for (const name of applications) {
    const text = files.read(CONFS, `${name}.conf.sample`);
    files.write(
      `config/nginx/proxy-confs/${name}.conf`,
      enabled === undefined ? text : text.replace(new RegExp(`#(?=${enabled.source})`, 'g'), ''),
    );
  }
  files.write('config/www/index.html', '<!doctype html><title>swag</title><h1>the server is up</h1>');
}

const swagHome: DevSite = {
  name: 'swag: its own page beside applications in folders',
  file: APPLICATION_SITE.file,
  options: ['--upstream', 'portainer=BACK', '--upstream', 'filebrowser=BACK'],
  host: 'localhost',
  shows: 'the server is up',
  assemble: (files) => assembleSwag(files, ['portainer.subfolder', 'filebrowser.subfolder', 'calibre-web.subfolder']),
};

const swagSubdomains: DevSite = {
  name: 'swag: applications on subdomains',
  ...APPLICATION_SITE,
  options: ['--upstream', 'vaultwarden=BACK', '--upstream', 'homeassistant=BACK', '--map', 'jellyfin=BACK'],
  host: 'vaultwarden',
  assemble: (files) =>
    assembleSwag(files, ['vaultwarden.subdomain', 'homeassistant.subdomain', 'jellyfin.subdomain', 'gitea.subdomain']),
};

const swagProtected: DevSite = {
  name: 'swag: an application behind authelia',
  ...APPLICATION_SITE,
  options: ['--upstream', 'heimdall=BACK', '--upstream', 'authelia=BACK'],
  host: 'heimdall',
  assemble: (files) => assembleSwag(files, ['heimdall.subdomain'], /include \/config\/nginx\/authelia-\w+\.conf;/),
};

export const sites: readonly DevSite[] = [
  h5bp,
  jitsi,
  mattermost,
  lemmy,
  discourse,
  nginxProxy,
  nextcloud,
  swagHome,
  swagSubdomains,
  swagProtected,
];
