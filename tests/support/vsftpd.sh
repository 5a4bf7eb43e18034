#!/bin/sh
# Runs COMMAND beside a vsftpd of its own, inside a private machine (private-machine.sh):
#
#   vsftpd.sh COMMAND [ARGUMENT...]
#
# It listens on a free port of 127.0.0.1 and asks PAM with the repository's pam.d/vsftpd. demo and neighbour have a shell.
# For COMMAND it leaves in /run/demo: ftp-url, vsftpd.conf.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

install -m 0644 "$here/../../pam.d/vsftpd" /etc/pam.d/vsftpd
sed -i '/^\(demo\|neighbour\):/s,/usr/sbin/nologin$,/bin/sh,' /etc/passwd
mkdir -p /run/vsftpd/empty # where it locks itself in while nobody is logged in

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
echo "ftp://127.0.0.1:$port" >/run/demo/ftp-url
cat >/run/demo/vsftpd.conf <<CONFIG
listen=YES
listen_address=127.0.0.1
listen_port=$port
background=NO
anonymous_enable=NO
local_enable=YES
pam_service_name=vsftpd
session_support=YES
secure_chroot_dir=/run/vsftpd/empty
syslog_enable=YES
# Guesses cost time on a real server; here nobody shall wait for them.
delay_failed_login=0
CONFIG

vsftpd /run/demo/vsftpd.conf &
vsftpd=$!
trap 'kill $vsftpd' EXIT
trap 'exit 130' HUP INT TERM

tries=0
until curl --silent --output /dev/null "$(cat /run/demo/ftp-url)" || [ $? = 67 ]; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        echo "app-passwd: error: vsftpd does not answer" >&2
        exit 1
    fi
    sleep 0.1
done

"$@"
