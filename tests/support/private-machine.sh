#!/bin/sh
# Runs COMMAND as root on a private view of this machine:
#
#   private-machine.sh MODULE TOOL COMMAND [ARGUMENT...]
#
# What the view adds, and nobody outside sees:
#   account demo       with a second factor; neighbour, without one
#   module and tool    MODULE where libpam looks, TOOL as /run/demo/bin/app-passwd, first in PATH
#   /etc, /var/lib,    the machine's, but what is written there goes to memory only
#   /var/log
#   /run, /dev         next to empty, with a system log of their own in /run/demo/auth.log
# What stands in /run/demo for COMMAND:
#   home/NAME, NAME.password, demo.code-secret
#
# When COMMAND ends, however it ends, so does every process it left, and the view is gone with all that was written.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

fail() {
    echo "app-passwd: error: $*" >&2
    exit 1
}

if [ "${1:-}" != --inside ]; then
    [ $# -ge 3 ] || fail "usage: private-machine.sh MODULE TOOL COMMAND [ARGUMENT...]"
    exec "$here/private-mounts.sh" unshare --pid --fork --kill-child "$here/private-machine.sh" --inside "$@"
fi
module=$2 tool=$3
shift 3

# Nobody but process 1 is told when this one shall end, and process 1 without a handler does not listen.
trap 'exit 130' HUP INT TERM

mount -t proc proc /proc # its processes have pids of their own
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/demo/bin /run/demo/home

# DIR stays as it is, and takes what is written to it into memory.
private_directory() {
    layer=/run/layers$1
    mkdir -p "$layer/new" "$layer/work"
    mount -t overlay -o "lowerdir=$1,upperdir=$layer/new,workdir=$layer/work" overlay "$1" ||
        fail "the kernel cannot put an overlay on $1; try: modprobe overlay"
}

private_devices() {
    mkdir /run/dev
    for device in null zero full random urandom tty; do
        : >"/run/dev/$device"
        mount --bind "/dev/$device" "/run/dev/$device"
    done
    ln -s /proc/self/fd /run/dev/fd
    # A terminal for whoever wants one.
    mkdir /run/dev/pts
    mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /run/dev/pts
    ln -s pts/ptmx /run/dev/ptmx
    mount --rbind /run/dev /dev
}

# NAME's password is random; it is kept in a file because the account's owner would know it.
account() {
    home=/run/demo/home/$1
    id=20000
    while getent passwd $id || getent group $id; do
        id=$((id + 1))
    done >/dev/null
    (
        umask 077
        openssl rand -base64 12 >"/run/demo/$1.password"
    )
    hash=$(openssl passwd -6 -stdin <"/run/demo/$1.password")
    sed -i "/^$1:/d" /etc/passwd /etc/group /etc/shadow
    echo "$1:x:$id:$id::$home:/usr/sbin/nologin" >>/etc/passwd
    echo "$1:x:$id:" >>/etc/group
    echo "$1:$hash:20000::::::" >>/etc/shadow
    mkdir -m 0700 "$home"
    chown "$id:$id" "$home"
}

# What google-authenticator(1) writes when somebody sets up their phone.
second_factor() {
    (
        umask 077
        head -c 20 /dev/urandom | base32 >"/run/demo/$1.code-secret"
        {
            cat "/run/demo/$1.code-secret"
            printf '" RATE_LIMIT 3 30\n" DISALLOW_REUSE\n" TOTP_AUTH\n'
        } >"/run/demo/home/$1/.google_authenticator"
    )
    chown "$1:$1" "/run/demo/home/$1/.google_authenticator"
}

modules=$(find /usr/lib* -path '*/security/pam_unix.so' -printf '%h\n' -quit)
[ -n "$modules" ] || fail "no pam_unix.so below /usr/lib, so no place for our module"

private_directory /etc
private_directory /var/lib
private_directory /var/log # who has logged in, and who has failed to
private_directory "$modules"
private_devices
rm -rf /etc/security/app-passwd.toml /var/lib/app-passwd # an installed app-passwd is not what runs here

install -m 0644 "$module" "$modules/pam_app_passwd.so"
install -m 0755 "$tool" /run/demo/bin/app-passwd
PATH=/run/demo/bin:$PATH
export PATH

perl "$here/syslog.pl" /dev/log /run/demo/auth.log

account demo
second_factor demo
account neighbour

"$@"
