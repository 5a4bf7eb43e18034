#!/bin/sh
# Runs COMMAND, as root, with mounts and processes of its own: nobody outside sees what it mounts, and when it ends,
# however it ends, so does every process that it left.
#
#   private-mounts.sh COMMAND [ARGUMENT...]
set -eu

# A chroot whose root is no mount point cannot change how mounts propagate; where none does, there is no need to.
for propagation in private unchanged; do
    [ "$propagation" = private ] || ! grep -q ' shared:' /proc/self/mountinfo || continue
    private="unshare --mount --propagation $propagation --pid --fork --kill-child --mount-proc"
    # shellcheck disable=SC2086 # a command and its options
    if $private true 2>/dev/null; then
        exec $private "$@"
    fi
done
echo "app-passwd: error: private mounts (unshare --mount) are not permitted here;" \
    "be root; start a container with --privileged; bind-mount the root of a chroot on itself" >&2
exit 1
