#!/bin/sh
# Runs COMMAND beside a Postfix of its own, inside a private machine with a Dovecot (dovecot.sh):
#
#   postfix.sh COMMAND [ARGUMENT...]
#
# It takes mail over TLS on free ports of 127.0.0.1 from those who have logged in: on one it asks Dovecot about them, on
# the other saslauthd (saslauthd.sh). Mail for the accounts of example.org goes into their inboxes, and none leaves the
# machine. For COMMAND it leaves in /run/demo: smtp-url, smtp-saslauthd-url. It logs to the log of the machine.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
etc=/run/demo/postfix
queue=/run/demo/postfix-queue

# Asked for together, so that they are not the same.
# shellcheck disable=SC2046 # words
set -- $("$here/free-ports.sh" 2) "$@"
dovecot=$1 saslauthd=$2
shift 2
echo "smtps://127.0.0.1:$dovecot" >/run/demo/smtp-url
echo "smtps://127.0.0.1:$saslauthd" >/run/demo/smtp-saslauthd-url

mkdir -p $etc/sasl $queue
install -d -o postfix -g root -m 0700 /run/demo/postfix-data
: >$etc/aliases

cat >$etc/main.cf <<END
compatibility_level = 3.6
queue_directory = $queue
data_directory = /run/demo/postfix-data
myhostname = mail.example.org
mydestination = example.org
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
default_transport = error:no mail leaves this machine
alias_maps =
alias_database =
home_mailbox = Maildir/
notify_classes =

smtpd_tls_cert_file = /run/demo/certificate.pem
smtpd_tls_key_file = /run/demo/certificate.key
smtpd_tls_wrappermode = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = /run/dovecot/auth-postfix
cyrus_sasl_config_path = $etc/sasl
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_relay_restrictions = permit_sasl_authenticated, reject
END
# What Cyrus SASL reads. Debian 12's Postfix looks for it beside main.cf, whatever cyrus_sasl_config_path says.
printf 'pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\n' >$etc/sasl/smtpd.conf

# Every program of it that is needed, none of them in a chroot, whose /dev/log would not be there.
cat >$etc/master.cf <<END
127.0.0.1:$dovecot inet n - n - - smtpd
127.0.0.1:$saslauthd inet n - n - - smtpd -o smtpd_sasl_type=cyrus -o smtpd_sasl_path=smtpd
pickup    unix n - n 60 1 pickup
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
error     unix - - n - - error
local     unix - n n - - local
proxymap  unix - - n - - proxymap
anvil     unix - - n - 1 anvil
tlsmgr    unix - - n 1000? 1 tlsmgr
END

postfix -c $etc check >/dev/null # makes the queue, and on Debian 13 says what it copies into a chroot
"$(postconf -c $etc -h daemon_directory)/master" -c $etc -d &
postfix=$!
trap 'kill $postfix; wait $postfix' EXIT
trap 'exit 130' HUP INT TERM

tries=0
until curl --silent --output /dev/null --cacert /run/demo/certificate.pem --request NOOP "$(cat /run/demo/smtp-url)"; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        cat /run/demo/auth.log >&2
        echo "app-passwd: error: Postfix does not answer, the log stands above" >&2
        exit 1
    fi
    sleep 0.1
done

"$@"
