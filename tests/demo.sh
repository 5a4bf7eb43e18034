#!/bin/sh
# Shows the main job with real programs: a mail client logs in with a password of its own. `make demo` runs it inside a
# private machine with a Dovecot (tests/support). It stops at the first result that is not as it should be.
set -eu
cd /run/demo

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
else
    bold='' dim='' red='' plain=''
fi

step=0
chapter() {
    step=$((step + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
}

say() {
    printf '   %s\n' "$@"
}

# Prints the command, runs it, shows what it prints, and keeps that in the file `output`.
run() {
    printf '\n   %s$ %s%s\n' "$bold" "$*" "$plain"
    status=0
    sh -c "$*" >output 2>&1 || status=$?
    sed "s/^/   $dim/; s/\$/$plain/" output
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

# The last command was refused by the mail server: 67 is curl's word for a login that failed.
expect_refusal() {
    [ "$status" = 67 ] || wrong "the mail server should have refused this login (exit status $status)"
}

# Shows the lines that the log got since the last time, without the date, and keeps them in `output`.
show_log() {
    sleep 0.2 # the log is written by another process
    tail -n "+$((log_lines + 1))" auth.log >output
    log_lines=$(wc -l <auth.log)
    printf '\n   %sthe log:%s\n' "$bold" "$plain"
    sed "s/^[A-Z][a-z]* *[0-9]* /   $dim/; s/\$/$plain/" output
    status=0
}
log_lines=$(wc -l <auth.log)

# Two mail programs. Each keeps its password in a file, for on a command line everybody could read it.
umask 077
address='machine 127.0.0.1 login demo password'
phone_fetches() {
    run "curl -sS --cacert certificate.pem --netrc-file $1 '$(cat imap-url)/INBOX;MAILINDEX=1'"
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

minted() {
    grep '^[a-z]\{4\}\(-[a-z]\{4\}\)\{5\}$' output || wrong "no app password in what it printed"
}

printf '%sapp-passwd: a mail client logs in with a password of its own%s\n' "$bold" "$plain"
say "Dovecot $(dovecot --version | cut -d ' ' -f 1) listens at $(cat imap-url) and asks PAM with pam.d/dovecot."

chapter "demo signs in with a password and a code from a phone"
say "A program that can show both is let in."
{
    cat demo.password
    oathtool --totp --base32 - <demo.code-secret
} >password-and-code
run "pamtester imap demo authenticate <password-and-code"
expect "successfully authenticated"
rm password-and-code

chapter "A mail client cannot show a code"
say "So the account password alone is refused, although it is the right one."
echo "$address $(cat demo.password)" >account.netrc
phone_fetches account.netrc
expect_refusal
show_log
expect "Invalid verification code for demo"

chapter "The phone gets a password of its own"
say "The machine makes it and shows it this once. It is good for mail and nothing else."
run "app-passwd create demo --label phone"
expect
echo "$address $(minted)" >phone.netrc
phone_fetches phone.netrc
expect "The kettle is on."

chapter "The laptop gets another one"
run "app-passwd create demo --label laptop"
expect
minted >laptop.password
laptop_fetches
expect "Tea at four"

chapter "When and from where each was used"
run "app-passwd list demo"
expect "phone.*127.0.0.1"
expect "laptop.*127.0.0.1"

chapter "The phone is lost"
say "Its password ends. The laptop goes on, and fetches the mail that has come since."
run "app-passwd revoke demo phone"
expect
phone_fetches phone.netrc
expect_refusal
sed 's/Tea at four/Tea at five/' home/demo/Maildir/cur/1.first* >second
install -o demo -g demo -m 0600 second home/demo/Maildir/new/2.second.message
laptop_fetches
expect "Tea at five"
show_log
expect 'label="phone" reason=revoked'

printf '\n%sAll of it is as it should be.%s Nothing of it stays on this machine.\n' "$bold" "$plain"
