/** The configuration that is loaded again and again: something of every kind that lives longer than a request. */
export const RELOADED = `
worker_processes 1;
pid nginx.pid;
error_log error.log notice;
events { worker_connections 4096; }
http {
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    map $uri $kind { ~^/plain plain; default other; }
    upstream back { server 127.0.0.1:%%BACKEND%%; keepalive 16; }
    upstream hashed { hash $uri consistent; server 127.0.0.1:%%BACKEND%%; server 127.0.0.1:%%BACKEND%% weight=2; }
    server {
        listen %%LISTEN%%;
        location / {
            proxy_pass http://back;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            add_header X-Kind $kind;
        }
        location /hashed { proxy_pass http://hashed; }
    }
}
`;
