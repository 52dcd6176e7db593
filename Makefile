# `make demo` and `make test` do all their own set-up on a fresh Debian 12 machine (root or sudo).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
export PATH := $(CURDIR)/.venv/bin:/usr/sbin:/sbin:$(PATH)
export PYTHONDONTWRITEBYTECODE := 1
AS_ROOT := $(SUDO) env PATH="$(PATH)"
QUIETLY := @.ci/quietly build/setup.log

# libatomic1 is what Playwright's own program needs and a minimal Debian lacks.
APT := apparmor chromium conntrack iproute2 iptables libatomic1 libnss3-tools mmdebstrap netavark nftables npm podman \
       procps python3-venv runc
APT_TEST := curl libgomp1 libnginx-mod-http-lua nginx-light postgresql-15 python3-dev shellcheck skopeo softhsm2 zstd
# libvirt and Vagrant are large, and only the machines' targets need them.
APT_VAGRANT := dnsmasq-base libvirt-clients libvirt-daemon-system qemu-system-x86 qemu-utils rsync vagrant \
               vagrant-libvirt xorriso

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build/packages: Makefile .ci/packages
	$(QUIETLY) "Debian packages" .ci/packages $(APT)
	@touch $@

build/packages-test: build/packages
	$(QUIETLY) "Debian packages of the tests" .ci/packages $(APT_TEST)
	@touch $@

# The environment of the tests holds all that the demonstration needs, so either one serves for it.
.venv/demo: requirements-demo.lock pyproject.toml .ci/environment build/packages
	$(QUIETLY) "Python packages" .ci/environment $<
	@touch $@

.venv/test: requirements-dev.lock pyproject.toml .ci/environment build/packages-test
	$(QUIETLY) "Python packages of the tests" .ci/environment $<
	@touch .venv/demo $@

.PHONY: setup
setup: .venv/demo ## install what the demonstration needs (Debian packages, Python packages)

.PHONY: setup-test
setup-test: .venv/test ## install what the tests need besides

.PHONY: lock
lock: setup-test ## bring every lock up to date with what is asked for
	compile="uv pip compile -q --generate-hashes --no-header --python /usr/bin/python3"; \
	$$compile pyproject.toml -o requirements-host.lock; \
	$$compile pyproject.toml --group demo --group images --group dev -o requirements-dev.lock; \
	$$compile pyproject.toml --group demo -c requirements-dev.lock -o requirements-demo.lock; \
	for file in images/*/requirements.in; do \
	  $$compile --no-annotate $$(sed -n 's/^# uv: //p' $$file) -c requirements-dev.lock $$file -o $${file%.in}.lock; \
	done; \
	$$compile --no-annotate --no-deps roles/model/files/requirements.in -o roles/model/files/requirements.lock
	$(AS_ROOT) python -m appliance.bundle --cache $${APPLIANCE_CACHE:-/var/cache/appliance} lock

.PHONY: lint
lint: setup-test ## ruff, mypy (strict), import layers, ansible-lint (production), shellcheck
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	ansible-lint -q --offline --profile production build.yml install.yml roles
	shellcheck .ci/* demo/appliance-demo images/database/carry images/database/entrypoint tests/vagrant/addresses tests/vagrant/customize

.PHONY: unit
unit: setup-test ## tests that need no container: units, components and documents
	pytest tests/unit tests/component tests/docs

.PHONY: component
component: setup-test ## of these, the parts with PostgreSQL, a browser or the model
	pytest tests/component

.PHONY: docs
docs: setup-test ## write the reference pages from the code (docs/reference)
	python -m tests.docs
	python -m tests.attack --write

.PHONY: integration
integration: setup-test ## the whole life of a site on real containers (root)
	pytest tests/integration

.PHONY: slow
slow: setup-test ## proofs that take long: 10,000 mutations of a bundle, all images built twice, kills, full disks, new examples for every law (root)
	$(AS_ROOT) pytest -m long tests/unit tests/component tests/integration
	$(AS_ROOT) HYPOTHESIS_PROFILE=explore pytest -m hypothesis tests/unit tests/component

.PHONY: attack
attack: setup-test ## the red team: every attempt of tests/attack against a running site (build/attack.json; root)
	$(AS_ROOT) python -m tests.attack

.PHONY: demo
demo: setup ## build, carry, install without a network, use: a site that keeps running for you (DEMO keys)
	@$(AS_ROOT) .venv/bin/appliance-demo start

.PHONY: down
down: setup ## remove every container, network, mount, hook, namespace and process of the demonstration
	@$(AS_ROOT) .venv/bin/appliance-demo stop

.PHONY: bench
bench: setup-test ## measure everything that has a goal (build/bench.json, docs/benchmarks.md)
	$(AS_ROOT) python -m tests.bench

# Before minutes are spent on boxes and discs: can this machine run them at all?
.PHONY: vagrant-ready
vagrant-ready: setup-test
	$(QUIETLY) "Debian packages of virtual machines" .ci/packages $(APT_VAGRANT)
	@$(AS_ROOT) python -m tests.vagrant.ready

BOXES := host
.PHONY: box
box: setup-test ## a minimal Debian 12 machine for Vagrant, from Debian packages alone (cached)
	$(QUIETLY) "Debian packages of virtual machines" .ci/packages $(APT_VAGRANT)
	$(AS_ROOT) python -m tests.vagrant.box $(BOXES)

.PHONY: vagrant-media
vagrant-media: setup-test ## the discs for the machines: a bundle with a tiny model, and the site (DEMO keys)
	$(AS_ROOT) python -m tests.vagrant.media

VAGRANT_TESTS := $(AS_ROOT) pytest -v --junitxml=build/vagrant/junit.xml

.PHONY: test-vagrant-smoke
test-vagrant-smoke: vagrant-ready box vagrant-media ## on a bare virtual machine: bootstrap, install, each service once, denial, restart
	$(VAGRANT_TESTS) tests/vagrant/test_1_smoke.py

.PHONY: test-vagrant
test-vagrant: BOXES := host workstation
test-vagrant: vagrant-ready box vagrant-media ## every scenario on virtual machines (hours where there is no KVM)
	$(VAGRANT_TESTS) tests/vagrant

.PHONY: vagrant-clean
vagrant-clean: ## remove the virtual machines, their boxes and their discs
	vagrant destroy -f
	vagrant box list | sed -n 's/^\(appliance-[a-z]*-[0-9a-f]*\) .*/\1/p' | xargs -rn1 vagrant box remove --force
	virsh -q vol-list default | awk '$$1 ~ /^appliance-/ { print $$1 }' | xargs -rn1 virsh vol-delete --pool default
	$(SUDO) rm -rf build/vagrant "$${APPLIANCE_CACHE:-/var/cache/appliance}/boxes"

.PHONY: test
test: lint unit integration ## everything that CI runs
