#!/bin/sh
# Runs COMMAND beside an OpenSSH server of its own, inside a private machine (private-machine.sh):
#
#   sshd.sh COMMAND [ARGUMENT...]
#
# It listens on a free port of 127.0.0.1 and asks PAM with the repository's pam.d/sshd. demo and neighbour have a shell.
# For COMMAND it leaves in /run/demo: ssh-config, which makes `ssh -F ssh-config demo@server` a login; askpass.sh, which
# answers what ssh asks with the lines of the file $ANSWERS; key, which opens demo; sshd.pid.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)

install -m 0644 "$here/../../pam.d/sshd" /etc/pam.d/sshd
sed -i '/^\(demo\|neighbour\):/s,/usr/sbin/nologin$,/bin/sh,' /etc/passwd

mkdir -p /run/sshd # where the process runs that is nobody's

ssh-keygen -q -t ed25519 -N '' -f /run/demo/host-key
ssh-keygen -q -t ed25519 -N '' -f /run/demo/key
install -d -m 0700 -o demo -g demo /run/demo/home/demo/.ssh
install -m 0600 -o demo -g demo /run/demo/key.pub /run/demo/home/demo/.ssh/authorized_keys

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
cat >/run/demo/sshd_config <<CONFIG
Port $port
ListenAddress 127.0.0.1
HostKey /run/demo/host-key
PidFile /run/demo/sshd.pid
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication yes
PermitRootLogin no
Subsystem sftp internal-sftp
AcceptEnv *
# Twenty at once are no flood.
MaxStartups 100
CONFIG
echo "[127.0.0.1]:$port $(cut -d ' ' -f 1,2 /run/demo/host-key.pub)" >/run/demo/known-hosts

cat >/run/demo/ssh-config <<CONFIG
Host server
    HostName 127.0.0.1
    Port $port
    UserKnownHostsFile /run/demo/known-hosts
    LogLevel ERROR
    PubkeyAuthentication no
CONFIG

# What ssh asks is kept beside the answers.
cat >/run/demo/askpass.sh <<'SCRIPT'
#!/bin/sh
echo "$1" >>"$ANSWERS.asked"
head -n 1 "$ANSWERS"
sed -i 1d "$ANSWERS"
SCRIPT
chmod 0755 /run/demo/askpass.sh

/usr/sbin/sshd -f /run/demo/sshd_config
trap 'kill "$(cat /run/demo/sshd.pid)"' EXIT
trap 'exit 130' HUP INT TERM

"$@"
