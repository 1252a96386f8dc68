/** The attacked configuration, the same text for tsproxy and nginx: default settings except where an attack needs others. */

export interface Ports {
  readonly listen: number;
  /** Back end for well-behaved requests. */
  readonly backEnd: number;
  /** Back end for the attacker's requests, so that its load is not measured as the proxy's. */
  readonly attacked: number;
}

/** `main` holds directives of the main context that one attack needs, `worker_rlimit_nofile` in particular. */
export function configuration({ listen, backEnd, attacked }: Ports, directory: string, main: string): string {
  return `
worker_processes 1;
user root;
${main}
events { worker_connections 16384; }
http {
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path ${directory}/client_body;
    proxy_temp_path ${directory}/proxy;
    upstream good { server 127.0.0.1:${backEnd}; keepalive 32; }
    upstream attacked { server 127.0.0.1:${attacked}; keepalive 64; }
    map $uri $nested { default ''; ~^/map/([a-z]+)*$ yes; }
    server {
        listen 127.0.0.1:${listen} backlog=4096;
        proxy_http_version 1.1;
        proxy_set_header Connection '';
        location = /well-behaved { proxy_pass http://good; }
        location /attacked/ { proxy_pass http://attacked; }
        location /streamed/ { proxy_pass http://attacked; proxy_request_buffering off; }
        location /unbuffered/ { proxy_pass http://attacked; proxy_buffering off; }
        location /here/ { return 200 "here"; }
        location /map/ { return 200 "$nested"; }
        location ~ ^/repeated/(a+)+$ { return 200 "matched"; }
        location ~ ^/php/(.*)/(.*)/(.*)/(.*)\\.php$ { return 200 "matched"; }
        location ~* "^/words/(\\w+\\s?)+$" { return 200 "matched"; }
        location / { return 200 "other"; }
    }
}
`;
}
