#!/bin/sh
# Runs COMMAND beside a proxy with the configuration that is shipped for it, inside a private machine on which the
# self-service page waits for a proxy (web.sh --proxy):
#
#   web-proxy.sh nginx|apache COMMAND [ARGUMENT...]
#
# Only ports, host name and certificate are this machine's; and where the page listens on a socket (web.sh --socket), the
# line for it, which is a comment in that configuration, is in force.
set -eu
umask 022
packaging=$(cd "$(dirname "$0")/../../packaging/web" && pwd)
proxy=$1
shift
page=$(cat /run/demo/web-port)
front=$(cat /run/demo/web-proxy-port)
socket=$(find /run/app-passwd-web -type s 2>/dev/null || true)

ours() {
    sed -e "s/passwords\.example\.org;/localhost;/; s/ServerName passwords\.example\.org/ServerName localhost/" \
        -e "s,/etc/ssl/passwords\.example\.org\.pem,/run/demo/web.pem," \
        -e "s,/etc/ssl/passwords\.example\.org\.key,/run/demo/web.key," \
        -e "s/listen \[::\]:443 ssl;//; s/listen 443 ssl;/listen 127.0.0.1:$front ssl;/" \
        ${socket:+-e "s,^\( *\)# \(.*unix:.*\),\1\2," -e "/127\.0\.0\.1:8462/d"} \
        -e "s/\*:443/127.0.0.1:$front/; s/127\.0\.0\.1:8462/127.0.0.1:$page/" "$packaging/$1.conf"
}

mkdir -p /run/demo/proxy
case $proxy in
    nginx)
        {
            echo "user www-data; daemon off; pid /run/demo/proxy.pid; error_log /run/demo/proxy.log info; events { }"
            echo "http { access_log /run/demo/access.log;"
            for kind in client_body fastcgi proxy scgi uwsgi; do
                echo "${kind}_temp_path /run/demo/proxy/$kind;"
            done
            ours nginx
            echo "}"
        } >/run/demo/proxy.conf
        /usr/sbin/nginx -e /run/demo/proxy.log -c /run/demo/proxy.conf &
        ;;
    apache)
        {
            echo "ServerRoot /run/demo/proxy"
            echo "ServerName localhost"
            echo "Listen 127.0.0.1:$front"
            echo "PidFile /run/demo/proxy.pid"
            echo "User www-data"
            echo "Group www-data"
            echo "ErrorLog /run/demo/proxy.log"
            for module in mpm_event authz_core headers proxy proxy_http socache_shmcb ssl; do
                echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
            done
            echo "CustomLog /run/demo/access.log \"%h %r %{Referer}i\""
            ours apache
        } >/run/demo/proxy.conf
        /usr/sbin/apache2 -D FOREGROUND -f /run/demo/proxy.conf &
        ;;
esac
proxy=$!
trap 'kill $proxy; wait $proxy' EXIT
trap 'exit 130' HUP INT TERM

tries=0
until curl --silent --output /dev/null --insecure "$(cat /run/demo/web-url)/style.css"; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        cat /run/demo/proxy.log >&2
        echo "app-passwd: error: the proxy does not answer, its log stands above" >&2
        exit 1
    fi
    sleep 0.1
done

"$@"
