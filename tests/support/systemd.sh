#!/bin/sh
# Boots systemd inside a private machine (private-machine.sh), with its journal and its logind, and runs COMMAND where it is
# process 1:
#
#   systemd.sh PAGE COMMAND [ARGUMENT...]
#
# PAGE is the program of the self-service page. `make install` has put the units where systemd looks, beside the few of its
# own that these need; none of ours is started. Account holders prove who they are by pam.d/app-passwd, with a code. What
# stands in /run/demo for whoever looks on from outside: bin/inside, which runs what is behind it beside COMMAND; web-port,
# web-url; systemd.log.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
page=$1
shift

# systemd counts on control groups of its own. Those of machines that are gone are empty, and taken away.
control_group() {
    mkdir -p /run/demo/cgroups
    mount -t cgroup2 cgroup2 /run/demo/cgroups
    ours=/run/demo/cgroups$(sed -n 's/^0:://p' /proc/self/cgroup)
    for old in $(find "$ours" -maxdepth 1 -name 'app-passwd-test-*' -mmin +5); do
        # Another of these may be about to do the same.
        ! grep -q 'populated 0' "$old/cgroup.events" || find "$old" -depth -type d -exec rmdir {} + || :
    done 2>/dev/null
    group=$(mktemp -d "$ours/app-passwd-test-XXXXXX")
    echo $$ >"$group/cgroup.procs"
}

# Those of systemd that a login takes, and not what the machine has enabled.
units() {
    mkdir -p /run/demo/units
    for unit in sysinit.target basic.target sockets.target network.target shutdown.target umount.target \
        final.target exit.target user.slice dbus.socket dbus.service systemd-journald.socket \
        systemd-journald-dev-log.socket systemd-journald.service systemd-logind.service; do
        ln -s "$(find /usr/lib/systemd/system /lib/systemd/system -name $unit -print -quit)" /run/demo/units/
    done
    cat >/run/demo/units/default.target <<'END'
[Unit]
Wants=basic.target systemd-journald.socket systemd-journald-dev-log.socket systemd-logind.service
After=basic.target systemd-logind.service
AllowIsolate=yes
END
}

# As the README has it, but for the prefix and the port.
installed() {
    make --no-print-directory --silent -C "$here/../.." install prefix=/run/demo/usr page="$page" \
        tool=/run/demo/bin/app-passwd \
        module="$(find /usr/lib* -name pam_app_passwd.so -path '*/security/*' -print -quit)"
    examples=/run/demo/usr/share/doc/app-passwd/examples
    install -m 0644 $examples/pam.d/app-passwd /etc/pam.d/
    install -D -m 0644 $examples/self-service.conf -t /run/demo/units/app-passwd.service.d
    # In a chroot nobody has user namespaces, so there the page does without.
    if ! unshare --user true 2>/dev/null; then
        mkdir -p /run/demo/units/app-passwd-web.service.d
        printf '[Service]\nPrivateUsers=no\n' >/run/demo/units/app-passwd-web.service.d/chroot.conf
    fi
    printf '[self_service]\nenabled = true\n' >/etc/security/app-passwd.toml
    systemd-sysusers /run/demo/usr/lib/sysusers.d/app-passwd-web.conf 2>/dev/null
    systemd-tmpfiles --create /run/demo/usr/lib/tmpfiles.d/*

    "$here/free-ports.sh" 1 >/run/demo/web-port
    echo https://passwords.example.org >/run/demo/web-url
    sed "s,^#origin = .*,origin = \"$(cat /run/demo/web-url)\",; s,^#listen = .*,listen = \"127.0.0.1:$(cat /run/demo/web-port)\"," \
        $examples/web/app-passwd-web.toml >/etc/security/app-passwd-web.toml
}

# Like a container: what is the machine's own is not for it to change, nor to leave anything in.
cat >/run/demo/bin/boot <<'END'
#!/bin/sh
set -eu
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
for shared in /tmp /var/tmp; do
    layer=/run/layers$shared
    mkdir -p "$layer/new" "$layer/work"
    mount -t overlay -o "lowerdir=$shared,upperdir=$layer/new,workdir=$layer/work" overlay $shared
done
mount --bind /sys /sys
mount -o remount,bind,ro /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec env -i container=test PATH="$PATH" SYSTEMD_UNIT_PATH=/run/demo/units:/run/demo/usr/lib/systemd/system \
    /lib/systemd/systemd --log-target=journal systemd.unified_cgroup_hierarchy=1 </dev/null >/run/demo/systemd.log 2>&1
END

cat >/run/demo/bin/inside <<'END'
#!/bin/sh
exec nsenter --target "$(cat /run/demo/systemd.pid)" --mount --root --wd --pid --cgroup --uts --ipc -- "$@"
END
chmod 0755 /run/demo/bin/boot /run/demo/bin/inside

# The journal takes what the private machine's log took so far.
rm -f /dev/log
rm -f /etc/machine-id
: >/etc/machine-id

control_group
units
installed
(
    unshare --mount --pid --cgroup --uts --ipc --fork --kill-child /run/demo/bin/boot &
    echo $! >/run/demo/unshare.pid
)

tries=0
until pgrep --parent "$(cat /run/demo/unshare.pid)" >/run/demo/systemd.pid &&
    inside systemctl --quiet is-active default.target 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -ge 150 ]; then
        cat /run/demo/systemd.log >&2
        inside journalctl --no-pager >&2
        echo "app-passwd: error: systemd does not start, what it says stands above" >&2
        exit 1
    fi
    sleep 0.1
done

inside "$@"
