# make            build the module and the tool
# make demo       show the main job on this machine, and leave the machine as it is (root)
# make check      everything that has to pass before a change is taken (root, or the packages are there)
# make bench      measure ourselves beside others, and write down the results (root; twenty minutes, on a quiet machine)
# make bench-check  whether a login has become dearer, by its instructions (part of make check)
# make torture    the long counts, of optimised code: every property on 100,000 cases, or CASES, as many talks with the
#                 helper, and a hundred times as many messages that no socket carries (half an hour)
# make accessibility  the page judged by axe-core in the browser, which npm fetches (part of make check: our own, smaller judge)
# make install    what `make` built; DESTDIR and prefix as usual
# make uninstall  the same files, but neither the configuration nor the state

prefix = /usr
# Where libpam looks for modules: by Debian's name of the architecture, elsewhere where pam_unix is.
triplet = $(shell dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null)
libdir = $(if $(triplet),lib/$(triplet),$(if $(wildcard /usr/lib64/security/pam_unix.so),lib64,lib))
security = $(DESTDIR)$(prefix)/$(libdir)/security
bin = $(DESTDIR)$(prefix)/bin
man = $(DESTDIR)$(prefix)/share/man
examples = $(DESTDIR)$(prefix)/share/doc/app-passwd/examples
units = $(DESTDIR)$(prefix)/lib/systemd/system
tmpfiles = $(DESTDIR)$(prefix)/lib/tmpfiles.d
sysusers = $(DESTDIR)$(prefix)/lib/sysusers.d
sysconfdir = /etc
userdel_post = $(DESTDIR)$(sysconfdir)/shadow-maint/userdel-post.d
filters = $(DESTDIR)/etc/fail2ban/filter.d

release = $(or $(CARGO_TARGET_DIR),target)/release
module = $(release)/libpam_app_passwd.so
tool = $(release)/app-passwd
# Only if it was built: cargo build --release --no-default-features leaves the page out.
page = $(wildcard $(release)/app-passwd-web)
man_pages = $(notdir $(wildcard packaging/man/*.[1-8]))

.PHONY: build demo check bench bench-check torture accessibility install uninstall clean rust

build: rust
	cargo build --release --locked

rust:
	@$(if $(old_rust),$(error $(old_rust)))
old_rust = $(shell packaging/check-rust.sh)

demo: rust
	@[ "$$(id -u)" = 0 ] || { echo "make demo: only root can start servers on a private machine" >&2; exit 1; }
	@packaging/debian-packages.sh demo
	cargo build --release --locked
	@tests/support/private-machine.sh $(module) $(tool) tests/support/dovecot.sh tests/support/sshd.sh \
	    tests/demo.sh $(release)/app-passwd-web

check: rust
	@packaging/debian-packages.sh check
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked
# Only optimised code leaves no copy of a password behind, so only there it is looked for.
	cargo test --locked --release --no-default-features --test secrets_stay_secret
	cargo doc --locked --no-deps
	$(MAKE) bench-check
check: export RUSTDOCFLAGS = -D warnings
# More at once than there are processors: most tests wait, for a daemon or for what a refusal takes.
check: export RUST_TEST_THREADS = $(shell echo $$(($$(nproc) + 2)))
# Only root can run all tests. For others those that cannot run say so and pass; here they would fail.
ifeq ($(shell id -u),0)
check: export APP_PASSWD_TESTS_MUST_RUN = 1
endif

bench: rust
	@[ "$$(id -u)" = 0 ] || { echo "make bench: only root can start servers on a private machine" >&2; exit 1; }
	@packaging/debian-packages.sh bench
# nice: what else the machine does disturbs less.
	nice -n -20 cargo bench --locked --no-default-features --bench logins --bench dovecot --bench tool --bench scaling
	nice -n -20 cargo bench --locked --bench web

bench-check: rust
	cargo bench --quiet --locked --no-default-features --bench instructions

torture: export PROPTEST_CASES = $(or $(CASES),100000)
torture: rust
	@packaging/debian-packages.sh torture
	cargo test --locked --release --lib --bins --test helper_fuzz
	tests/fuzz/run.sh $$((PROPTEST_CASES * 100))

# From npm, since Debian has no package of it.
axe = $(or $(CARGO_TARGET_DIR),$(CURDIR)/target)/axe
accessibility: export APP_PASSWD_AXE = $(axe)/package/axe.min.js
accessibility: rust
	@packaging/debian-packages.sh check
	mkdir -p $(axe)
	cd $(axe) && tar -xzf "$$(npm pack --silent axe-core@4.14.1)"
	cargo test --locked --test web_flow

# Running daemons have the module mapped: it is replaced by another file, never written into.
install:
	@[ -f $(module) ] && [ -f $(tool) ] || { echo "make install: nothing is built yet; run make first" >&2; exit 1; }
	install -d $(security) $(bin) $(examples)/pam.d
	install -m 0644 $(module) $(security)/.pam_app_passwd.so.new
	mv -f $(security)/.pam_app_passwd.so.new $(security)/pam_app_passwd.so
	install -m 0755 $(tool) $(bin)/.app-passwd.new
	mv -f $(bin)/.app-passwd.new $(bin)/app-passwd
	install -m 0644 packaging/app-passwd.toml $(examples)
	install -m 0755 packaging/tell-owner $(examples)
	install -m 0644 packaging/systemd/self-service.conf $(examples)
	install -m 0644 pam.d/* $(examples)/pam.d
	for page in $(man_pages); do \
	    install -D -m 0644 packaging/man/$$page $(man)/man$${page##*.}/$$page || exit 1; \
	done
	install -d $(units) $(tmpfiles)
	install -m 0644 packaging/systemd/app-passwd.socket $(units)
	sed 's,=/usr/bin/,=$(prefix)/bin/,' packaging/systemd/app-passwd.service >$(units)/app-passwd.service
	chmod 0644 $(units)/app-passwd.service
	install -m 0644 packaging/app-passwd.tmpfiles $(tmpfiles)/app-passwd.conf
ifneq ($(page),)
	install -m 0755 $(page) $(bin)/.app-passwd-web.new
	mv -f $(bin)/.app-passwd-web.new $(bin)/app-passwd-web
	sed 's,=/usr/bin/,=$(prefix)/bin/,' packaging/systemd/app-passwd-web.service >$(units)/app-passwd-web.service
	chmod 0644 $(units)/app-passwd-web.service
	install -D -m 0644 packaging/app-passwd-web.sysusers $(sysusers)/app-passwd-web.conf
	install -m 0644 packaging/app-passwd-web.tmpfiles $(tmpfiles)/app-passwd-web.conf
	install -d $(examples)/web
	install -m 0644 packaging/web/app-passwd-web.toml packaging/web/nginx.conf packaging/web/apache.conf $(examples)/web
endif
	install -d $(userdel_post)
	sed 's,/usr/bin/,$(prefix)/bin/,g' packaging/userdel-post >$(userdel_post)/app-passwd
	chmod 0755 $(userdel_post)/app-passwd
	install -D -m 0644 packaging/fail2ban/app-passwd.conf $(filters)/app-passwd.conf

uninstall:
	rm -f $(security)/pam_app_passwd.so $(bin)/app-passwd
	rm -f $(filters)/app-passwd.conf
	rm -f $(units)/app-passwd.socket $(units)/app-passwd.service $(tmpfiles)/app-passwd.conf
	rm -f $(bin)/app-passwd-web $(units)/app-passwd-web.service
	rm -f $(sysusers)/app-passwd-web.conf $(tmpfiles)/app-passwd-web.conf
	rm -f $(userdel_post)/app-passwd
	for page in $(man_pages); do rm -f $(man)/man$${page##*.}/$$page; done
	rm -rf $(examples)
	-rmdir $(dir $(examples))
	@echo "Kept: /etc/security/app-passwd.toml and /var/lib/app-passwd."
	@echo "Stacks in /etc/pam.d may still name pam_app_passwd.so; take those lines out."

clean:
	cargo clean
