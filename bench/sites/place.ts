/** Directory in which a site is assembled: its texts, with paths, ports and hosts of this machine instead of a container's. */
import { cpSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Addresses that take the place of those in the texts; the same for both programs. */
export interface Addresses {
  /** Ports that the proxy listens on, by those of the texts. */
  readonly listening: ReadonlyMap<number, number>;
  readonly backEnd: number;
  readonly nameServer: number;
}

/** A text that is missing from the given directories. */
export class MissingSource extends Error {}

/** Modification time of all files, in seconds. */
const MODIFIED = 1_700_000_000;
const ABSOLUTE =
  /(?<=[\s"'=:])\/(?=(?:config|defaults|dev|etc|home|run|shared|storage|tmp|usr|var)\/|(?:cert|key|dhparams\w*)\.pem)/g;

const MEDIA_TYPES = `types {
  text/html html htm; text/css css; text/plain txt; text/xml xml; image/svg+xml svg svgz; image/png png; image/x-icon ico;
  application/javascript js; application/json json map; application/manifest+json webmanifest; font/woff2 woff2; video/mp4 mp4;
}
`;
const FASTCGI_PARAMS = 'fastcgi_param QUERY_STRING $query_string;\nfastcgi_param REQUEST_METHOD $request_method;\n';
const PROXY_PARAMS = `proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header Host $http_host;
`;
/** Files that come with nginx, or with Debian's package of it; written anew, as the texts depend on their names only. */
const PACKAGED: Readonly<Record<string, string>> = {
  'mime.types': MEDIA_TYPES,
  fastcgi_params: FASTCGI_PARAMS,
  proxy_params: PROXY_PARAMS,
};

export class Place {
  /** Names of hosts that the texts look up with `resolver`. */
  readonly names = new Set<string>();

  constructor(
    /** Absolute path, with a slash at its end; it stands for the container's `/`. */
    readonly root: string,
    readonly addresses: Addresses,
    private readonly sources: string,
  ) {
    for (const [name, text] of Object.entries(PACKAGED)) {
      this.write(name, text);
      this.write(`etc/nginx/${name}`, text);
    }
    for (const directory of ['var/log/nginx', 'var/cache/nginx', 'config/log/nginx', 'tmp', 'dev', 'var/nginx', 'run'])
      mkdirSync(join(root, directory), { recursive: true });
  }

  /** Text of a file of a repository: `owner/name`. */
  read(repository: string, file: string): string {
    const path = join(this.sources, repository, file);
    if (!existsSync(path)) throw new MissingSource(`no ${path}`);
    return readFileSync(path, 'latin1');
  }

  exists(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** Copies a directory of a repository; `localized` if it has configurations. */
  copy(repository: string, directory: string, to: string): void {
    const from = join(this.sources, repository, directory);
    if (!existsSync(from)) throw new MissingSource(`no ${from}`);
    cpSync(from, join(this.root, to), {
      recursive: true,
      filter: (path) => {
        if (!/\.conf$/.test(path)) return !/\/\.git$/.test(path);
        this.configuration(join(to, path.slice(from.length)), readFileSync(path, 'latin1'));
        return false;
      },
    });
  }

  /** Writes a file as it is. */
  write(path: string, content: string): void {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content, 'latin1');
    utimesSync(full, MODIFIED, MODIFIED);
  }

  /** Writes files below a directory. */
  files(directory: string, files: Readonly<Record<string, string>>): void {
    for (const [path, content] of Object.entries(files)) this.write(join(directory, path), content);
  }

  /** Writes a configuration, with the addresses and paths of this machine. */
  configuration(path: string, text: string): void {
    this.write(path, this.localized(text));
  }

  private localized(text: string): string {
    const { listening, backEnd, nameServer } = this.addresses;
    for (const [, name = ''] of text.matchAll(/\bset \$upstream_\w+ ([\w-]+);/g)) this.names.add(name);
    return text
      .replace(/^\s*#.*$/gm, '')
      .replace(/\blisten\s+\[::\]:\d+[^;]*;/g, '')
      .replace(/\blisten\s+(\d+)([^;]*);/g, (_whole, port: string, rest: string) => {
        const own = listening.get(Number(port));
        if (own === undefined) throw new Error(`no port for ${port}`);
        return `listen 127.0.0.1:${own}${rest};`;
      })
      .replace(/^\s*(?:pid|daemon)\s[^;]*;/gm, '')
      .replace(/^\s*user\s[^;]*;/m, 'user root;')
      .replace(/\bresolver\s[^;]*;/g, `resolver 127.0.0.1:${nameServer} ipv6=off;`)
      .replace(/\b(set \$upstream_\w*port) \d+;/g, `$1 ${backEnd};`)
      .replace(/(\$upstream_\w+):\d+/g, `$1:${backEnd}`)
      .replace(ABSOLUTE, this.root);
  }
}
