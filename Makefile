# `make demo` and `make test` do all their own set-up on a fresh Debian 12 machine (root or sudo).
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
export PATH := $(CURDIR)/.venv/bin:/usr/sbin:/sbin:$(PATH)
export PYTHONDONTWRITEBYTECODE := 1

APT := apparmor chromium conntrack iproute2 iptables libnginx-mod-http-lua mmdebstrap netavark nftables nginx-light \
       podman postgresql-15 procps python3-dev python3-venv runc shellcheck skopeo softhsm2 zstd

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.apt-stamp: Makefile
	missing=""; for p in $(APT); do dpkg-query -Wf'$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  $(SUDO) apt-get update -qq; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
	command -v npm >/dev/null || $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >/dev/null
	touch $@

.venv/stamp: requirements-dev.lock pyproject.toml .apt-stamp
	[ -x .venv/bin/python ] || /usr/bin/python3 -m venv .venv
	.venv/bin/pip install -q --no-input --progress-bar off --no-deps --require-hashes -r requirements-dev.lock
	.venv/bin/pip install -q --no-input --progress-bar off --no-deps --no-build-isolation -e .
	.venv/bin/pip check
	touch $@

.PHONY: setup
setup: .venv/stamp ## install what the project needs (Debian packages, Python packages)

.PHONY: lock
lock: ## bring every lock up to date with what is asked for
	compile=".venv/bin/uv pip compile -q --generate-hashes --no-header --python /usr/bin/python3"; \
	$$compile pyproject.toml -o requirements-host.lock; \
	$$compile pyproject.toml --group dev --group images -o requirements-dev.lock; \
	for file in images/*/requirements.in; do $$compile --no-annotate -c requirements-dev.lock $$file -o $${file%.in}.lock; done; \
	$$compile --no-annotate --no-deps roles/model/files/requirements.in -o roles/model/files/requirements.lock
	$(SUDO) .venv/bin/python -m appliance.bundle --cache $${APPLIANCE_CACHE:-/var/cache/appliance} lock

.PHONY: lint
lint: setup ## ruff, mypy (strict), import layers, ansible-lint (production), shellcheck
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	ansible-lint -q --offline --profile production build.yml install.yml roles
	shellcheck .ci/run images/database/entrypoint tests/vagrant/addresses tests/vagrant/customize

.PHONY: unit
unit: setup ## tests that need no container
	pytest tests/unit tests/docs

.PHONY: docs
docs: setup ## write the reference pages from the code (docs/reference)
	python -m tests.docs

.PHONY: integration
integration: setup ## the whole life of a site on real containers (root)
	pytest tests/integration

.PHONY: slow
slow: setup ## proofs that take long: 10,000 mutations of a bundle, all images built twice, kills and full disks (root)
	$(SUDO) env PATH="$(PATH)" pytest -m long tests/unit tests/integration

.PHONY: demo
demo: setup ## build, carry, verify, install without a network, use and audit the appliance (DEMO keys)
	$(SUDO) env PATH="$(PATH)" python -m tests.demo run

.PHONY: down
down: setup ## remove every container, network, mount, hook, namespace and process of the demonstration
	$(SUDO) env PATH="$(PATH)" python -m tests.demo down

.PHONY: bench
bench: setup ## measure everything that has a goal (build/bench.json, docs/benchmarks.md)
	$(SUDO) env PATH="$(PATH)" python -m tests.bench

# libvirt and Vagrant are large, and only these targets need them.
VAGRANT_APT := dnsmasq-base libvirt-clients libvirt-daemon-system qemu-system-x86 qemu-utils rsync vagrant vagrant-libvirt xorriso

BOXES := host
.PHONY: box
box: setup ## a minimal Debian 12 machine for Vagrant, from Debian packages alone (cached)
	missing=""; for p in $(VAGRANT_APT); do dpkg-query -Wf'$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	[ -z "$$missing" ] || $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null
	$(SUDO) env PATH="$(PATH)" python -m tests.vagrant.box $(BOXES)

.PHONY: vagrant-media
vagrant-media: setup ## the discs for the machines: a bundle with a tiny model, and the site (DEMO keys)
	$(SUDO) env PATH="$(PATH)" python -m tests.vagrant.media

VAGRANT_TESTS := $(SUDO) env PATH="$(PATH)" pytest -v --junitxml=build/vagrant/junit.xml

.PHONY: test-vagrant-smoke
test-vagrant-smoke: box vagrant-media ## on a bare virtual machine: bootstrap, install, each service once, denial, restart
	$(VAGRANT_TESTS) tests/vagrant/test_1_smoke.py

.PHONY: test-vagrant
test-vagrant: BOXES := host workstation
test-vagrant: box vagrant-media ## every scenario on virtual machines (hours where there is no KVM)
	$(VAGRANT_TESTS) tests/vagrant

.PHONY: vagrant-clean
vagrant-clean: ## remove the virtual machines, their boxes and their discs
	vagrant destroy -f
	vagrant box list | sed -n 's/^\(appliance-[a-z]*-[0-9a-f]*\) .*/\1/p' | xargs -rn1 vagrant box remove --force
	virsh -q vol-list default | awk '$$1 ~ /^appliance-/ { print $$1 }' | xargs -rn1 virsh vol-delete --pool default
	$(SUDO) rm -rf build/vagrant "$${APPLIANCE_CACHE:-/var/cache/appliance}/boxes"

.PHONY: test
test: lint unit integration ## everything that CI runs
