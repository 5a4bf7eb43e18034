#!/bin/sh
# Shows the main job with real programs, in four acts: a mail client and a script log in with passwords of their own, a
# stolen phone is signed out, and a page is there for those who have no shell. `make demo` runs it inside a private
# machine with a Dovecot and an OpenSSH server (tests/support):
#
#   demo.sh PAGE
#
# PAGE is the program of the page. It stops at the first result that is not as it should be.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
page=$(realpath "$1")
PATH=$here/support:$PATH
cd /run/demo

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
else
    bold='' dim='' red='' plain=''
fi

acts=0
act() {
    acts=$((acts + 1))
    steps=0
    printf '\n\n%sAct %d: %s%s\n' "$bold" "$acts" "$1" "$plain"
}

chapter() {
    steps=$((steps + 1))
    printf '\n%s%d.%d %s%s\n' "$bold" "$acts" "$steps" "$1" "$plain"
}

say() {
    printf '    %s\n' "$@"
}

# What stands in FILE, set back from what the demo says itself.
show() {
    sed "s/^/    $dim/; s/\$/$plain/" "$1"
}

# Prints the command, runs it, shows what it prints, and keeps that in the file `output`.
run() {
    printf '\n    %s$ %s%s\n' "$bold" "$*" "$plain"
    status=0
    sh -c "$*" >output 2>&1 || status=$?
    show output
}

wrong() {
    printf '\n%sThis is not as it should be: %s%s\n' "$red" "$1" "$plain" >&2
    echo "The last lines of the authentication log and of Dovecot's:" >&2
    tail -n 20 auth.log dovecot.log >&2
    exit 1
}

# The last command did what was asked, and printed a line like PATTERN.
expect() {
    [ "$status" = 0 ] || wrong "the command failed (exit status $status)"
    [ $# = 0 ] || grep -q "$1" output || wrong "'$1' is not in what it printed"
}

# The last command was refused, which its program says with this exit status.
expect_refusal() {
    [ "$status" = "$1" ] || wrong "this login should have been refused (exit status $status)"
}
curl_refused=67
ssh_refused=255

# Shows what the log got since the last time from app-passwd and about codes, without the date, and keeps it in `output`.
show_log() {
    sleep 0.2 # the log is written by another process
    tail -n "+$((log_lines + 1))" auth.log | grep 'app.passwd\|google_authenticator' >output || true
    log_lines=$(wc -l <auth.log)
    printf '\n    %sthe log:%s\n' "$bold" "$plain"
    sed -i 's/^[A-Z][a-z]* *[0-9]* //' output
    show output
    status=0
}
log_lines=$(wc -l <auth.log)

# An app password stands alone on a line.
minted() {
    grep '^[a-z]\{4\}\(-[a-z]\{4\}\)\{5\}$' output || wrong "no app password in what it printed"
}

# Programs keep their passwords in files, for on a command line everybody could read them.
umask 077

# What a person reads off their phone now.
code() {
    oathtool --totp --base32 - <demo.code-secret
}

# The phone and the laptop are two mail programs, at two addresses.
phone=127.0.0.2
laptop=127.0.0.1
phone_fetches() {
    run "curl -sS --interface $phone --cacert certificate.pem --netrc-file $1 '$(cat imap-url)/INBOX;MAILINDEX=1'"
}
netrc() {
    echo "machine 127.0.0.1 login demo password $1"
}
laptop_fetches() {
    run "mbsync --quiet --config laptop.mbsyncrc mail && grep -hr Subject: laptop"
}
tls_type=TLSType
case $(mbsync --version) in *' 1.4.'*) tls_type=SSLType ;; esac
cat >laptop.mbsyncrc <<END
IMAPAccount server
Host 127.0.0.1
Port $(sed 's/.*://' imap-url)
User demo
PassCmd "cat laptop.password"
$tls_type IMAPS
CertificateFile certificate.pem
AuthMechs LOGIN

IMAPStore server
Account server

MaildirStore laptop
Inbox laptop

Channel mail
Far :server:
Near :laptop:
SyncState *
END

# The script logs in by ssh, and tries once. What it is asked it answers with the lines of $ANSWERS.
printf '    NumberOfPasswordPrompts 1\n    PreferredAuthentications keyboard-interactive\n' >>ssh-config
export SSH_ASKPASS=/run/demo/askpass.sh SSH_ASKPASS_REQUIRE=force ANSWERS=/run/demo/answers
cat >backup.sh <<'END'
#!/bin/sh
set -eu
tar -c -C /etc hostname | ssh -F ssh-config demo@server 'cat >backup.tar && ls -s backup.tar'
END
chmod +x backup.sh
script_runs() {
    cp "$1" answers
    run ./backup.sh
}

# A mail client stays logged in and waits; what the server says to it stands in NAME.session.
stays() {
    run "imap-session.sh demo $2 <$1.password >$1.session &"
    until_says "$1" '^+ idling'
}

# The server says something to the client NAME, at the latest in a few seconds.
until_says() {
    tries=0
    until grep -q "$2" "$1.session"; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || wrong "the server did not say '$2' to the $1"
        sleep 0.1
    done
}

# What the server has said to each of them since the last time, from when they began to wait.
show_connections() {
    printf '\n    %sthe open connections:%s\n' "$bold" "$plain"
    for client in phone laptop; do
        tr -d '\r' <$client.session | sed -n "/RECENT/d; /^+ idling/,\$s/^/$client: /p" >$client.said
        tail -n "+$(($(cat $client.shown 2>/dev/null || echo 0) + 1))" $client.said >output
        wc -l <$client.said >$client.shown
        show output
    done
}

# A mail for demo comes.
mails=1
arrives() {
    mails=$((mails + 1))
    sed "s/Tea at four/$1/" home/demo/Maildir/cur/1.first* >message
    install -o demo -g demo -m 0600 message home/demo/Maildir/new/$mails.message
}

printf '%sapp-passwd: passwords for programs that cannot show a code%s\n' "$bold" "$plain"
say "The account demo has a password and a second factor. Dovecot $(dovecot --version | cut -d ' ' -f 1) at $(cat imap-url) and" \
    "$(ssh -V 2>&1 | cut -d ' ' -f 1 | tr _ ' ' | tr -d ,) ask PAM about it, with pam.d/dovecot and pam.d/sshd."

act "The mail client"

chapter "demo signs in with a password and a code from a phone"
say "A program that can show both is let in."
{
    cat demo.password
    code
} >password-and-code
run "pamtester imap demo authenticate <password-and-code"
expect "successfully authenticated"
rm password-and-code

chapter "A mail client cannot show a code"
say "So the account password alone is refused, although it is the right one."
netrc "$(cat demo.password)" >account.netrc
phone_fetches account.netrc
expect_refusal $curl_refused
show_log
expect "Invalid verification code for demo"

chapter "Phone and laptop get passwords of their own"
say "The machine makes them and shows them this once. They are good for mail and nothing else."
run "app-passwd create demo --label phone"
expect
minted >phone.password
netrc "$(cat phone.password)" >phone.netrc
phone_fetches phone.netrc
expect "The kettle is on."
run "app-passwd create demo --label laptop"
expect
minted >laptop.password
laptop_fetches
expect "Tea at four"
show_log
expect 'accepted; .*label="laptop"'

act "The script"

chapter "A script cannot show a code either"
say "It logs in by ssh to store a backup. With the account password it is asked for the code, and has none."
script_runs demo.password
expect_refusal $ssh_refused
show_log
expect "Did not receive verification code"

chapter "It gets a password of its own, for ssh alone"
run "app-passwd create demo --label backup --service sshd"
expect
minted >backup.password
script_runs backup.password
expect "backup.tar"

chapter "A password for mail does not open ssh"
script_runs phone.password
expect_refusal $ssh_refused
show_log
expect 'label="phone" reason=protected'

act "The stolen phone"

chapter "Phone and laptop stay logged in and wait for mail"
stays phone $phone
stays laptop $laptop
echo
say "A mail comes, and the server tells both."
arrives "Tea at five"
until_says phone "^\* $mails EXISTS"
until_says laptop "^\* $mails EXISTS"
show_connections

chapter "The phone is stolen"
say "Its password ends, and with it the connection that is open. This machine has been told how:"
printf '[on_revoke]\nrun = [["doveadm", "kick", "{user}", "{from}"]]\n' >/etc/security/app-passwd.toml
run "cat /etc/security/app-passwd.toml"
run "app-passwd list demo"
expect "phone.*$phone"
run "app-passwd revoke demo phone"
expect "Ran doveadm kick demo $phone"
until_says phone '^\* BYE'
echo
say "The server has taken leave of the phone. Another mail comes, and the laptop is told."
arrives "Tea at six"
until_says laptop "^\* $mails EXISTS"
show_connections
grep -q "EXISTS" output || wrong "the laptop was told of no mail"

chapter "It does not get in again; the laptop goes on"
phone_fetches phone.netrc
expect_refusal $curl_refused
laptop_fetches
expect "Tea at six"
show_log
expect 'label="phone" reason=revoked'

act "The person without a shell"

chapter "Nobody needs an administrator: there is a page"
say "It has no rights of its own. PAM says who somebody is, by password and code, and the helper does what they may."
web.sh "$page" -- sleep infinity >page.log 2>&1 &
tries=0
until [ -S /run/app-passwd/socket ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || wrong "the page did not start: $(cat page.log)"
    sleep 0.1
done
run "curl -sS --cacert web.pem $(cat web-url)/sign-in | grep -o '<h1>.*</h1>'"
expect "Sign in"

# As long as somebody looks at it. Who has no terminal has no browser either.
if [ -t 0 ] && [ -t 1 ]; then
    chapter "Have a look"
    say "Open $(cat web-url), from this machine; its certificate is its own, so the browser asks." \
        "The user is demo, the password $(cat demo.password). Enter ends the demo."
    (
        while :; do
            printf '\r    The code is now %s. ' "$(code)"
            sleep 1
        done
    ) &
    clock=$!
    read -r _ || true
    kill $clock
fi

printf '\n%sAll of it is as it should be.%s Nothing of it stays on this machine.\n' "$bold" "$plain"
