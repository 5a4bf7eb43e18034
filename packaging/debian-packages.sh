#!/bin/sh
# Installs what the project needs from Debian's packages and starts nothing of it:
#
#   debian-packages.sh demo|check|bench|torture
#
# What is installed already is left alone; when everything is, neither root nor the network is needed.
set -eu

# package                   needed by    because
packages='
gcc                         build        it compiles the bundled SQLite and links
libc6-dev                   build        what gcc compiles and links against
libpam0g-dev                build        the module is linked with libpam
curl                        demo         the mail program of the phone
dovecot-core                demo         the mail server that asks PAM
dovecot-imapd               demo         IMAP of the mail server
isync                       demo         the mail program of the laptop
libpam-google-authenticator demo         the second factor of the account
oathtool                    demo         the code that a person reads off their phone
openssh-client              demo         the script that logs in by ssh
openssh-server              demo         the ssh server that asks PAM
openssl                     demo         the certificate of the mail server
pamtester                   demo         a login that can show the code
apache2-bin                 check        a web server that asks PAM from many threads
binutils                    check        nm and readelf: what the module exports and is linked with
chromium                    check        the browser of somebody who has no shell
chromium-driver             check        what types and clicks in it
dbus                        check        how logind is asked
dovecot-managesieved        check        ManageSieve of the mail server
dovecot-pop3d               check        POP3 of the mail server
fail2ban                    check        what reads the log and bans whoever guesses
jq                          check        what the example of a notice reads its JSON with
libapache2-mod-authnz-pam   check        what asks PAM in Apache
libnginx-mod-http-auth-pam  check        what asks PAM in nginx
libpam-systemd              check        logind, who knows the sessions of sshd
nginx                       check        a web server that asks PAM in its event loop
postfix                     check        the mail server that asks Dovecot or saslauthd
postgresql                  check        a database server that asks PAM
sasl2-bin                   check        saslauthd, which asks PAM
sqlite3                     check        the store, seen with eyes other than ours
strace                      check        what the module does in a process that is not its own
sudo                        check        it asks PAM, with the rights of two users at once
systemd                     check        what starts the units, and what it thinks of them
tzdata                      check        a time zone whose hours are not whole, for the stamp of a log line
valgrind                    check        how many instructions a login takes
vsftpd                      check        the ftp server that asks PAM
db-util                     bench        the table of pam_userdb
dovecot-sqlite              bench        a table that Dovecot looks its users up in
libpam-pwdfile              bench        a module to be compared with
g++                         torture      it compiles libFuzzer
'

case ${1:-} in
    demo) wanted='build demo' ;;
    check) wanted='build demo check' ;;
    bench) wanted='build demo check bench' ;;
    torture) wanted='build demo check torture' ;;
    *)
        echo "usage: debian-packages.sh demo|check|bench|torture" >&2
        exit 2
        ;;
esac

fail() {
    echo "app-passwd: error: $*" >&2
    exit 1
}

installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=
while read -r package needed_by _; do
    case " $wanted " in
        *" $needed_by "*) installed "$package" || missing="$missing $package" ;;
    esac
done <<END
$(echo "$packages" | sed '/^$/d')
END
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null || fail "this is not Debian; install what these packages hold:$missing"
[ "$(id -u)" = 0 ] || fail "packages are missing; as root: apt-get install$missing"

# Debian starts what it installs, unless this file forbids it. An administrator's own stands. One run at a time, so
# that the first to end does not take the file away from the second.
policy=/usr/sbin/policy-rc.d
ours=
log=$(mktemp)
# shellcheck disable=SC2154 # $? is not a variable to assign
trap '[ -z "$ours" ] || rm -f "$policy"; rm -f "$log"' EXIT
trap 'exit 130' HUP INT TERM
exec 9<"$0"
flock 9
if [ ! -e "$policy" ]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
fi

quietly() {
    "$@" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        fail "'$*' failed, see above"
    }
}

echo "Installing from Debian's packages:$missing"
export DEBIAN_FRONTEND=noninteractive
quietly apt-get update
# shellcheck disable=SC2086 # a list of words
quietly apt-get install --yes --no-install-recommends $missing

# ... and at the next boot it would start it as well.
for daemon in dovecot-core:dovecot fail2ban:fail2ban nginx:nginx openssh-server:ssh postfix:postfix postgresql:postgresql \
    sasl2-bin:saslauthd vsftpd:vsftpd; do
    case " $missing " in
        *" ${daemon%:*} "*) quietly update-rc.d "${daemon#*:}" disable ;;
    esac
done
echo "Installed; they stay, and nothing of them was started."
