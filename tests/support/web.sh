#!/bin/sh
# Runs COMMAND beside the helper and the self-service page, inside a private machine (private-machine.sh):
#
#   web.sh PAGE [OPTION...] -- COMMAND [ARGUMENT...]
#
# PAGE is the program. It runs as a user of its own, app-passwd-web, and serves over TLS of its own on a free port of
# localhost; options are:
#   --proxy              it serves plain HTTP, for a proxy on 127.0.0.1, whose port is in /run/demo/web-proxy-port
#   --socket             the same, over /run/app-passwd-web/socket, which www-data may open
#
# PAM asks for the password and, of those who have one, for the code. neighbour is an administrator. What stands in
# /run/demo for COMMAND: web-url, web-port, web.pid, web.log, helper.pid, web.pem.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

page=$1
shift
proxy= socket=
while [ "$1" != -- ]; do
    case $1 in
        --proxy) proxy=yes ;;
        --socket) proxy=yes socket=/run/app-passwd-web/socket ;;
        *) echo "web.sh: what is $1?" >&2; exit 2 ;;
    esac
    shift
done
shift

useradd --no-log-init --system --user-group --home-dir / --shell /usr/sbin/nologin app-passwd-web
install -m 0755 "$page" /run/demo/bin/app-passwd-web
groupadd --system app-passwd-admins
usermod --append --groups app-passwd-admins neighbour

cat >/etc/pam.d/app-passwd <<'END'
auth     requisite  pam_unix.so nodelay
auth     required   pam_google_authenticator.so nullok
account  required   pam_unix.so
END
cat >/etc/security/app-passwd.toml <<'END'
[self_service]
enabled = true
services = ["mail", "imap", "smtp", "sieve"]
admin_groups = ["app-passwd-admins"]
[on_revoke]
run = [["doveadm", "kick", "{user}"]]
END

# shellcheck disable=SC2046 # words
set -- $("$here/free-ports.sh" 2) "$@"
port=$1 front=$2
shift 2
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout /run/demo/web.key -out /run/demo/web.pem 2>/dev/null
chown app-passwd-web /run/demo/web.key
echo "$port" >/run/demo/web-port
{
    echo "listen = \"${socket:-127.0.0.1:$port}\""
    if [ -n "$proxy" ]; then
        echo "$front" >/run/demo/web-proxy-port
        echo "https://localhost:$front" >/run/demo/web-url
    else
        echo "https://localhost:$port" >/run/demo/web-url
        echo 'trusted_proxies = []'
        echo 'tls_certificate = "/run/demo/web.pem"'
        echo 'tls_key = "/run/demo/web.key"'
    fi
    echo "origin = \"$(cat /run/demo/web-url)\""
} >/etc/security/app-passwd-web.toml

# As RuntimeDirectory= does, and as an administrator lets the proxy in.
if [ -n "$socket" ]; then
    install -d -m 0750 -o app-passwd-web -g app-passwd-web "${socket%/*}"
    usermod --append --groups app-passwd-web www-data
fi

# Nobody's child, so that no shell speaks of its end.
(
    setpriv --reuid app-passwd-web --regid app-passwd-web --clear-groups --no-new-privs \
        /run/demo/bin/app-passwd-web 2>/run/demo/web.log &
    echo $! >/run/demo/web.pid
)

tries=0
until curl --silent --output /dev/null --insecure ${socket:+--unix-socket "$socket"} "http$([ -n "$proxy" ] || echo s)://localhost:$port/style.css"; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        cat /run/demo/web.log >&2
        echo "app-passwd: error: the page does not answer, its log stands above" >&2
        exit 1
    fi
    sleep 0.1
done

"$here/helper.sh" "$@"
