#!/bin/sh
# Runs COMMAND beside an Apache of its own, inside a private machine (private-machine.sh):
#
#   apache.sh COMMAND [ARGUMENT...]
#
# It has 100 threads in one process of www-data's (event MPM), serves one page on a free port of 127.0.0.1 to those whom
# the repository's pam.d/apache2 lets in, and leaves in /run/demo for COMMAND: url, daemon.log, bin/login.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
modules=/usr/lib/apache2/modules

# The stack, as its first lines tell an administrator to install it.
install -m 0644 "$here/../../pam.d/apache2" /etc/pam.d/apache2

mkdir /run/demo/apache /run/demo/pages
echo "The kettle is on." >/run/demo/pages/index.html
port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
echo "http://127.0.0.1:$port/index.html" >/run/demo/url

# login USER: the page, for the password on standard input.
cat >/run/demo/bin/login <<'END'
#!/bin/sh
IFS= read -r password
echo "user = \"$1:$password\"" | curl --silent --show-error --fail --config - "$(cat /run/demo/url)"
END
chmod 0755 /run/demo/bin/login

cat >/run/demo/apache.conf <<END
ServerRoot /run/demo/apache
ServerName 127.0.0.1
Listen 127.0.0.1:$port
PidFile /run/demo/apache.pid
User www-data
Group www-data
# No line may hold a password. From trace4 on Apache itself logs what browsers send.
ErrorLog /run/demo/daemon.log
LogLevel trace3

LoadModule mpm_event_module $modules/mod_mpm_event.so
StartServers 1
ServerLimit 1
ThreadLimit 100
ThreadsPerChild 100
MaxRequestWorkers 100

LoadModule authn_core_module $modules/mod_authn_core.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule authz_user_module $modules/mod_authz_user.so
LoadModule auth_basic_module $modules/mod_auth_basic.so
LoadModule authnz_pam_module $modules/mod_authnz_pam.so

DocumentRoot /run/demo/pages
<Location />
  AuthType Basic
  AuthName "app passwords"
  AuthBasicProvider PAM
  AuthPAMService apache2
  Require valid-user
</Location>
END

/usr/sbin/apache2 -D FOREGROUND -f /run/demo/apache.conf &
apache=$!
trap 'kill $apache; wait $apache' EXIT
trap 'exit 130' HUP INT TERM

tries=0
until curl --silent --output /dev/null "$(cat /run/demo/url)"; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        cat /run/demo/daemon.log >&2
        echo "app-passwd: error: Apache does not answer, its log stands above" >&2
        exit 1
    fi
    sleep 0.1
done

"$@"
