#!/bin/sh
# Runs COMMAND where passwd asks PAM with the repository's pam.d/passwd in the shape of a distribution, inside a private
# machine (private-machine.sh):
#
#   passwd.sh debian|rhel|arch COMMAND [ARGUMENT...]
#
# What stands behind an include in RHEL's and Arch's is here as they have it, but for modules that Debian does not have, or
# that would change the machine's own stacks when they are installed. pam_pwhistory stands for pam_pwquality: both ask for
# the new password before pam_unix does.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
shape=$1
shift

case $shape in
    debian)
        install -m 0644 "$here/../../pam.d/passwd" /etc/pam.d/passwd
        install -m 0644 "$here/../../pam.d/passwd" /etc/pam.d/chpasswd
        ;;
    rhel)
        install -m 0644 "$here/../../pam.d/passwd-rhel" /etc/pam.d/passwd
        cat >/etc/pam.d/system-auth <<STACK
password    requisite     pam_pwhistory.so
password    sufficient    pam_unix.so sha512 shadow nullok use_authtok
password    required      pam_deny.so
STACK
        echo "session optional pam_umask.so silent" >/etc/pam.d/postlogin
        ;;
    arch)
        install -m 0644 "$here/../../pam.d/passwd-arch" /etc/pam.d/passwd
        cat >/etc/pam.d/system-auth <<STACK
auth       required                    pam_unix.so          try_first_pass nullok
account    required                    pam_unix.so
-password  [success=1 default=ignore]  pam_systemd_home.so
password   required                    pam_unix.so          try_first_pass nullok shadow sha512
password   optional                    pam_permit.so
STACK
        ;;
esac

exec "$@"
