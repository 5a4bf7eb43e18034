#!/bin/sh
# Runs COMMAND, as root, with mounts of its own: nobody outside sees what it mounts, and it is gone when COMMAND is.
#
#   private-mounts.sh COMMAND [ARGUMENT...]
set -eu

# A chroot whose root is no mount point cannot change how mounts propagate; where none does, there is no need to.
for propagation in private unchanged; do
    [ "$propagation" = private ] || ! grep -q ' shared:' /proc/self/mountinfo || continue
    if unshare --mount --propagation "$propagation" true 2>/dev/null; then
        exec unshare --mount --propagation "$propagation" "$@"
    fi
done
echo "app-passwd: error: private mounts (unshare --mount) are not permitted here;" \
    "be root; start a container with --privileged; bind-mount the root of a chroot on itself" >&2
exit 1
