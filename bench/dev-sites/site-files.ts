/** Files of a site as a checkout of its owner has them: nothing is adapted to this machine. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A text that is missing from the given directories. */
export class MissingSource extends Error {}

export class SiteFiles {
  constructor(
    /** Absolute path; it stands for the container's `/`. */
    readonly root: string,
    private readonly sources: string,
  ) {}

  /** Text of a file of a repository: `owner/name`. */
  read(repository: string, file: string): string {
    const path = join(this.sources, repository, file);
    if (!existsSync(path)) throw new MissingSource(`no ${path}`);
    return readFileSync(path, 'latin1');
  }

  write(path: string, text: string): void {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text, 'latin1');
  }

  /** Copies a file or directory of a repository. */
  copy(repository: string, from: string, to: string): void {
    const path = join(this.sources, repository, from);
    if (!existsSync(path)) throw new MissingSource(`no ${path}`);
    mkdirSync(dirname(join(this.root, to)), { recursive: true });
    cpSync(path, join(this.root, to), { recursive: true });
  }

  exists(path: string): boolean {
    return existsSync(join(this.root, path));
  }
}

/** Main configuration file as packages of nginx install it. */
export const PACKAGED_CONF = `user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
include /etc/nginx/modules-enabled/*.conf;

events {
    worker_connections 768;
}

http {
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    gzip on;
    include /etc/nginx/conf.d/*.conf;
    include /etc/nginx/sites-enabled/*;
}
`;
