/** A configuration with each kind of name. */
export const SITE = `events {}
http {
    map $http_upgrade $connection_upgrade {
        default upgrade;
        ''      close;
    }
    map $host $pool {
        default chat;
        b.test  Chat;
    }
    # Both servers have the same weight.
    # They are restarted one after the other.
    upstream chat {
        server 127.0.0.1:9000;
        server 127.0.0.1:9001;
    }
    limit_req_zone $binary_remote_addr zone=perip:10m rate=10r/s;
    log_format brief '$remote_addr $status $connection_upgrade';

    server {
        listen 127.0.0.1:8080;
        server_name shop.example *.shop.example;
        access_log off;
        proxy_set_header Host $host;

        location / {
            proxy_pass http://chat/x;
            proxy_set_header Connection $connection_upgrade;
            error_page 502 = @fallback;
            limit_req zone=perip burst=5 nodelay;
            access_log logs/a.log brief;
        }
        location /pool/ {
            proxy_pass http://$pool;
        }
        location ~ \\.(?<ending>png|jpg)$ {
            add_header X-Ending \${ending} always;
            root /srv;
        }
        location @fallback {
            return 503 "ä😀 try again";
        }
    }
    server {
        listen 127.0.0.1:8080;
        server_name other.example;
        error_page 404 @fallback;
        location / {
            return 204;
        }
        location @fallback {
            return 200;
        }
    }
}
`;
