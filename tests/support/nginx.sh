#!/bin/sh
# Runs COMMAND beside an nginx of its own, inside a private machine (private-machine.sh):
#
#   nginx.sh COMMAND [ARGUMENT...]
#
# It has one worker, of www-data's, serves one page on a free port of 127.0.0.1 to those whom the repository's
# pam.d/nginx lets in, another to everybody, and leaves in /run/demo for COMMAND: url, open-url, daemon.log,
# bin/login.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

# The stack, as its first lines tell an administrator to install it.
install -m 0644 "$here/../../pam.d/nginx" /etc/pam.d/nginx

mkdir -p /run/demo/nginx /run/demo/pages/open
echo "The kettle is on." >/run/demo/pages/index.html
echo "Come in." >/run/demo/pages/open/index.html
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
echo "http://127.0.0.1:$port/" >/run/demo/url
echo "http://127.0.0.1:$port/open/" >/run/demo/open-url

# login USER: the page, for the password on standard input.
cat >/run/demo/bin/login <<'END'
#!/bin/sh
IFS= read -r password
echo "user = \"$1:$password\"" | curl --silent --show-error --fail --config - "$(cat /run/demo/url)"
END
chmod 0755 /run/demo/bin/login

cat >/run/demo/nginx.conf <<END
load_module /usr/lib/nginx/modules/ngx_http_auth_pam_module.so;
user www-data;
worker_processes 1;
daemon off;
pid /run/demo/nginx.pid;
error_log /run/demo/daemon.log info;
events {
}
http {
  access_log off;
  client_body_temp_path /run/demo/nginx/body;
  fastcgi_temp_path /run/demo/nginx/fastcgi;
  proxy_temp_path /run/demo/nginx/proxy;
  scgi_temp_path /run/demo/nginx/scgi;
  uwsgi_temp_path /run/demo/nginx/uwsgi;
  server {
    listen 127.0.0.1:$port;
    root /run/demo/pages;
    index index.html;
    location / {
      auth_pam "app passwords";
      auth_pam_service_name nginx;
    }
    location /open/ {
      auth_pam off;
    }
  }
}
END

/usr/sbin/nginx -e /run/demo/daemon.log -c /run/demo/nginx.conf &
nginx=$!
trap 'kill $nginx; wait $nginx' EXIT
trap 'exit 130' HUP INT TERM

tries=0
until curl --silent --fail --output /dev/null "$(cat /run/demo/open-url)"; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        cat /run/demo/daemon.log >&2
        echo "app-passwd: error: nginx does not answer, its log stands above" >&2
        exit 1
    fi
    sleep 0.1
done

"$@"
