#!/bin/sh
# What ./dev does. Needs sh and apt on a bare Debian or Ubuntu machine, as root or with sudo.
set -eu

VENV=.venv
STAMP=$VENV/.releve-ready
# python3-venv: the virtual environment; the rest: the lab and the example, then the browser test,
# and for the tests on OpenStack its database, its message bus and its images
RUN_PACKAGES="python3-venv git ca-certificates openssh-client mmdebstrap btrfs-progs xfsprogs \
e2fsprogs util-linux curl dnsmasq-base nftables iproute2 squashfs-tools xz-utils acl attr"
TEST_PACKAGES="postgresql openssh-server chromium sudo mariadb-server-core mariadb-client-core \
rabbitmq-server qemu-utils procps"

main() {
    command=${1:-help}
    [ $# -gt 0 ] && shift
    case "$command" in
        demo) install_for_running; exec "$VENV/bin/python" scripts/demo.py "$@" ;;
        test) install_for_testing; run_tests "$@" ;;
        check) install_environment; run_checks ;;
        bench) install_for_running; run_bench "$@" ;;
        setup) install_for_testing ;;
        clean) clean_up ;;
        help|-h|--help) print_help ;;
        *) print_help >&2; echo "./dev: there is no command '$command'" >&2; exit 2 ;;
    esac
}

print_help() {
    cat <<'TEXT'
./dev demo     a lab host changed by hand dies and comes back; ends with what was missing, written down
./dev test     all tests, on real parts
./dev check    format, lint, types, layers, docs
./dev bench    recover: by hand against Relève, side by side; bench scan: against other scanners;
               bench watch: a thousand hosts from one process
./dev setup    only install what the commands above need
./dev clean    take the demo lab down, remove the virtual environment and caches
TEXT
}

say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1; then sudo "$@"
    else echo "./dev: this needs root: run it as root, or install sudo" >&2; exit 1
    fi
}

install_for_running() {
    require_root_for_lab
    install_packages $RUN_PACKAGES "$(lab_package)"
    install_environment
}

install_for_testing() {
    require_root_for_lab
    install_packages $RUN_PACKAGES "$(lab_package)" $TEST_PACKAGES
    install_environment
}

require_root_for_lab() {
    # a lab makes loop devices, bridges and containers; sudo starts the whole command over
    if [ "$(id -u)" != 0 ]; then
        say "the lab needs root: starting over with sudo"
        exec sudo --preserve-env=CI,RELEVE_STATE sh ./scripts/dev.sh "$command" "$@"
    fi
}

lab_package() {
    if command -v lxd >/dev/null 2>&1 || apt_has lxd; then echo lxd
    elif command -v incusd >/dev/null 2>&1 || apt_has incus; then echo incus
    else echo "./dev: apt offers neither lxd nor incus here" >&2; exit 1
    fi
}

apt_has() {
    # Ubuntu's lxd package only starts a snap, which needs systemd and a store: not counted
    refresh_apt_once
    apt-cache policy "$1" 2>/dev/null | grep -q 'Candidate: [0-9]' &&
        ! apt-cache show "$1" 2>/dev/null | grep -qi 'transitional.*snap'
}

refresh_apt_once() {
    [ -n "${APT_FRESH:-}" ] && return
    if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null)" ]; then
        say "apt-get update" >&2
        as_root apt-get update -qq >&2
    fi
    APT_FRESH=1
}

install_packages() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -z "$missing" ] && return
    refresh_apt_once
    say "apt-get install$missing"
    # no service of these may start by itself: the lab and the tests start their own
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

install_environment() {
    wanted=$(cat requirements.lock pyproject.toml | sha256sum)
    [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$wanted" ] && return
    python=$(find_python)
    command -v "$python" >/dev/null 2>&1 || install_packages python3-venv
    say "virtual environment in $VENV, from requirements.lock"
    "$python" -m venv "$VENV" 2>/dev/null || {
        install_packages python3-venv; "$python" -m venv --clear "$VENV"; }
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    "$VENV/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    echo "$wanted" > "$STAMP"
    say "ready: $("$VENV/bin/releve" --version)"
}

find_python() {
    for candidate in python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
        then echo "$candidate"; return; fi
    done
    install_packages python3 python3-venv >&2
    echo python3
}

run_bench() {
    "$VENV/bin/python" -m compileall -q src # as in an installed package
    case "${1:-recover}" in
        scan|watch) script=bench_$1.py; shift ;;
        *) script=bench.py ;;
    esac
    exec "$VENV/bin/python" "scripts/$script" "$@"
}

run_checks() {
    say "format"; "$VENV/bin/ruff" format --check --quiet .
    say "lint"; "$VENV/bin/ruff" check --quiet .
    say "types"; "$VENV/bin/mypy"
    say "layers"; "$VENV/bin/lint-imports" --no-cache >/tmp/releve-layers.$$ 2>&1 ||
        { cat /tmp/releve-layers.$$; rm -f /tmp/releve-layers.$$; exit 1; }
    rm -f /tmp/releve-layers.$$
    say "docs"; "$VENV/bin/python" -m pytest -q -p no:cacheprovider tests/architecture
    say "all checks hold"
}

run_tests() {
    # two workers, as on the smallest machine; real parts of one kind stay on one of them
    say "all tests, on real parts: five thousand, about three quarters of an hour"
    if "$VENV/bin/python" -m pytest -n 2 --dist loadgroup "$@"; then return; fi
    # real parts share two cores: what fails in company must hold alone, and is shown either way
    say "FAILED above; those tests once more, one at a time"
    "$VENV/bin/python" scripts/list_failed.py > .pytest_cache/failed
    "$VENV/bin/python" -m pytest @.pytest_cache/failed
}

clean_up() {
    if [ -x "$VENV/bin/releve" ] && [ "$(id -u)" = 0 ]; then
        "$VENV/bin/releve" lab down --name demo || true
    fi
    rm -rf "$VENV" .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .dev
    find . -name __pycache__ -type d -prune -exec rm -rf {} +
    say "clean"
}

main "$@"
