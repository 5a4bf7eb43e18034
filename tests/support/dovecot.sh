#!/bin/sh
# Runs COMMAND beside a Dovecot of its own, inside a private machine (private-machine.sh):
#
#   dovecot.sh COMMAND [ARGUMENT...]
#
# It serves IMAP over TLS on a free port of 127.0.0.1, asks PAM with the repository's pam.d/dovecot, and holds one
# message for demo. For COMMAND it leaves in /run/demo: imap-url, certificate.pem, dovecot.log.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

# The stack, as its first lines tell an administrator to install it.
install -m 0644 "$here/../../pam.d/dovecot" /etc/pam.d/dovecot
ln -sf dovecot /etc/pam.d/imap

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 \
    -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout /run/demo/certificate.key -out /run/demo/certificate.pem 2>/dev/null

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
echo "imaps://127.0.0.1:$port" >/run/demo/imap-url

# The settings whose names changed with Dovecot 2.4.
settings_2_3() {
    cat <<END
ssl_cert = </run/demo/certificate.pem
ssl_key = </run/demo/certificate.key
mail_location = maildir:~/Maildir
passdb {
  driver = pam
  args = %s # the PAM service: imap
}
userdb {
  driver = passwd
}
END
}
settings_2_4() {
    cat <<END
ssl_server_cert_file = /run/demo/certificate.pem
ssl_server_key_file = /run/demo/certificate.key
mail_driver = maildir
mail_path = ~/Maildir
passdb pam {
  service_name = %{protocol} # the PAM service: imap
}
userdb passwd {
}
END
}

{
    case $(dovecot --version) in
        2.3.*) settings=settings_2_3 ;;
        *)
            settings=settings_2_4
            printf 'dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n'
            ;;
    esac
    cat <<END
base_dir = /run/demo/dovecot
log_path = /run/demo/dovecot.log
listen = 127.0.0.1
ssl = required
auth_verbose = yes
END
    $settings
    cat <<END
protocols = imap
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $port
    ssl = yes
  }
}
# Guesses cost time on a real server; here nobody shall wait for them.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
END
} >/run/demo/dovecot.conf

mail=/run/demo/home/demo/Maildir
mkdir -p "$mail/cur" "$mail/new" "$mail/tmp"
cat >"$mail/new/1.first.message" <<END
From: Ada <ada@example.org>
To: demo@example.org
Subject: Tea at four
Date: Fri, 20 Nov 2026 12:00:00 +0000

The kettle is on.
END
chown -R demo:demo "$mail"

dovecot -F -c /run/demo/dovecot.conf &
dovecot=$!
trap 'kill $dovecot; wait $dovecot' EXIT
trap 'exit 130' HUP INT TERM

tries=0
until curl --silent --output /dev/null --cacert /run/demo/certificate.pem --request CAPABILITY "$(cat /run/demo/imap-url)"; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        cat /run/demo/dovecot.log >&2
        echo "app-passwd: error: Dovecot does not answer, its log stands above" >&2
        exit 1
    fi
    sleep 0.1
done

"$@"
