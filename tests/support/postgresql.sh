#!/bin/sh
# Runs COMMAND beside a PostgreSQL of its own, inside a private machine (private-machine.sh):
#
#   postgresql.sh COMMAND [ARGUMENT...]
#
# It has the roles demo and neighbour, listens on a free port of 127.0.0.1, asks PAM there with the repository's
# pam.d/postgresql, and leaves in /run/demo for COMMAND: port, daemon.log, bin/login.
set -eu
umask 022
here=$(cd "$(dirname "$0")" && pwd)
data=/run/demo/postgresql/data
bin=$(find /usr/lib/postgresql -path '*/bin/initdb' -printf '%h\n' | sort -V | tail -n 1)

# The stack, as its first lines tell an administrator to install it.
install -m 0644 "$here/../../pam.d/postgresql" /etc/pam.d/postgresql

as_postgres() {
    setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
}

install -d -o postgres -g postgres /run/demo/postgresql
cd /run/demo/postgresql
as_postgres "$bin/initdb" --no-sync --auth=peer --locale=C --encoding=UTF8 "$data" >/run/demo/initdb.log

port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
echo "$port" >/run/demo/port

# login USER: a query, for the password on standard input.
cat >/run/demo/bin/login <<'END'
#!/bin/sh
IFS= read -r PGPASSWORD
export PGPASSWORD
exec psql --host=127.0.0.1 --port="$(cat /run/demo/port)" --username="$1" --no-password --no-align --tuples-only \
    --command="SELECT 'The kettle is on.'" postgres
END
chmod 0755 /run/demo/bin/login

cat >>"$data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '/run/demo/postgresql'
max_connections = 50
fsync = off
dynamic_shared_memory_type = mmap # the private machine has no /dev/shm
# As talkative as it can be: no line of it may hold a password.
log_min_messages = debug5
log_connections = on
END
cat >"$data/pg_hba.conf" <<END
local  all  postgres                peer
host   all  all       127.0.0.1/32  pam  pamservice=postgresql
END

as_postgres "$bin/postgres" -D "$data" >/run/demo/daemon.log 2>&1 &
postgres=$!
trap 'kill $postgres; wait $postgres' EXIT
trap 'exit 130' HUP INT TERM

tries=0
until as_postgres psql --quiet --host=/run/demo/postgresql --port="$port" \
    --command='CREATE ROLE demo LOGIN' --command='CREATE ROLE neighbour LOGIN' postgres 2>/dev/null; do
    tries=$((tries + 1))
    if [ $tries -ge 100 ]; then
        cat /run/demo/daemon.log >&2
        echo "app-passwd: error: PostgreSQL does not answer, its log stands above" >&2
        exit 1
    fi
    sleep 0.1
done

"$@"
