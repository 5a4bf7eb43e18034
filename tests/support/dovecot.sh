#!/bin/sh
# Runs COMMAND beside a Dovecot of its own, inside a private machine (private-machine.sh):
#
#   dovecot.sh COMMAND [ARGUMENT...]
#
# It serves IMAP, and POP3 and ManageSieve if they are installed, over TLS on free ports of 127.0.0.1, calls PAM by the
# name of the protocol with the repository's pam.d/dovecot, and holds one message for demo. Users without an account have
# their mail below /run/demo/virtual.
#
# For COMMAND it leaves in /run/demo: imap-url, pop3-url, sieve-port, certificate.pem, dovecot.log.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

"$here/stack.sh" dovecot imap pop3 sieve smtp

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 \
    -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout /run/demo/certificate.key -out /run/demo/certificate.pem 2>/dev/null

# Asked for together, so that no two are the same.
# shellcheck disable=SC2046 # words
set -- $("$here/free-ports.sh" 3) "$@"
imap=$1 pop3=$2 sieve=$3
shift 3
echo "imaps://127.0.0.1:$imap" >/run/demo/imap-url
echo "pop3s://127.0.0.1:$pop3" >/run/demo/pop3-url
echo "$sieve" >/run/demo/sieve-port

protocols=imap
[ ! -x /usr/lib/dovecot/pop3-login ] || protocols="$protocols pop3"
[ ! -x /usr/lib/dovecot/managesieve-login ] || protocols="$protocols sieve"

# Owns the mail of users who have no account.
useradd --no-log-init --system --user-group --home-dir /run/demo/virtual --shell /usr/sbin/nologin vmail
install -d -o vmail -g vmail -m 0700 /run/demo/virtual

# The settings whose names changed with Dovecot 2.4.
settings_2_3() {
    cat <<END
ssl_cert = </run/demo/certificate.pem
ssl_key = </run/demo/certificate.key
mail_location = maildir:~/Maildir
passdb {
  driver = pam
  args = %s # the PAM service: imap, pop3, sieve, smtp
}
userdb {
  driver = passwd
}
userdb {
  driver = static
  args = uid=vmail gid=vmail home=/run/demo/virtual/%u
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
  service_name = %{protocol} # the PAM service: imap, pop3, sieve, smtp
}
userdb passwd {
}
userdb static {
  fields {
    uid = vmail
    gid = vmail
    home = /run/demo/virtual/%{user}
  }
}
END
}

# In /etc, where doveadm looks.
mkdir -p /etc/dovecot
{
    case $(dovecot --version) in
        2.3.*) settings=settings_2_3 ;;
        *)
            settings=settings_2_4
            printf 'dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n'
            ;;
    esac
    cat <<END
base_dir = /run/dovecot
log_path = /run/demo/dovecot.log
listen = 127.0.0.1
ssl = required
auth_verbose = yes
auth_mechanisms = plain login
first_valid_uid = 1 # vmail's is that of a system user
mail_max_userip_connections = 50 # all clients are on this machine
END
    $settings
    cat <<END
protocols = $protocols
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $imap
    ssl = yes
  }
}
END
    [ "${protocols#*pop3}" = "$protocols" ] || cat <<END
service pop3-login {
  inet_listener pop3 {
    port = 0
  }
  inet_listener pop3s {
    port = $pop3
    ssl = yes
  }
}
END
    [ "${protocols#*sieve}" = "$protocols" ] || cat <<END
service managesieve-login {
  inet_listener sieve {
    port = $sieve
  }
}
END
    cat <<END
# Where Postfix asks.
service auth {
  unix_listener auth-postfix {
    mode = 0666
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
} >/etc/dovecot/dovecot.conf

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

dovecot -F &
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
