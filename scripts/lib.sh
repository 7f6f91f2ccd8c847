# shellcheck shell=bash
# Sourced by the scripts beside it: says things, and installs what is missing on this machine.
#
# There are no linker flags here on purpose: flags of a script would have everything compiled a second
# time next to a plain `cargo` command, and Rust links with its own lld on Linux as it is.

say() { printf '%s\n' "-- $*" >&2; }
die() {
    printf '%s\n' "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# The first package manager of this machine; empty when it is none that we know.
package_manager() {
    local candidate
    for candidate in apt-get dnf pacman apk brew; do
        if has "$candidate"; then
            printf '%s' "$candidate"
            return
        fi
    done
}

# What is missing: descriptions, and the names of the packages.
missing=()
packages=()

# need DESCRIPTION APT DNF PACMAN APK BREW: notes that something is missing. `-`: needs no package there.
need() {
    local package
    case "$(package_manager)" in
        apt-get) package=$2 ;;
        dnf) package=$3 ;;
        pacman) package=$4 ;;
        apk) package=$5 ;;
        brew) package=$6 ;;
        *) package= ;;
    esac
    [ "$package" = - ] && return
    missing+=("$1")
    # shellcheck disable=SC2206 # several packages may be named
    packages+=($package)
}

# The directory of the PostgreSQL server's programs, or nothing.
postgres_dir() {
    local dir
    if [ -n "${PG_BIN_DIR:-}" ]; then
        [ -x "$PG_BIN_DIR/postgres" ] && printf '%s' "$PG_BIN_DIR"
        return
    fi
    for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/lib/postgresql*/bin /usr/libexec/postgresql* \
        /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin \
        /home/linuxbrew/.linuxbrew/opt/postgresql@*/bin /Applications/Postgres.app/Contents/Versions/*/bin; do
        if [ -x "$dir/postgres" ]; then
            printf '%s' "$dir"
            return
        fi
    done
    has postgres && dirname "$(command -v postgres)"
    return 0
}

has_postgres() { [ -n "$(postgres_dir)" ]; }

# What it takes to build and run the program.
need_for_the_program() {
    has cc || need "a C compiler" "gcc libc6-dev" gcc gcc "gcc musl-dev" -
    if [ "$(uname -s)" != Darwin ]; then
        has pkg-config || need "pkg-config" pkg-config pkgconf-pkg-config pkgconf pkgconf pkgconf
        if ! has pkg-config || ! pkg-config --exists openssl; then
            need "the headers of OpenSSL" libssl-dev openssl-devel openssl openssl-dev openssl@3
        fi
    fi
    has_postgres || need "a PostgreSQL server" postgresql postgresql-server postgresql postgresql postgresql@17
}

# What the tests take on top of that.
need_for_the_tests() {
    # Judges the units of packaging/; not every system has it, and nothing else needs it.
    if [ "$(uname -s)" = Linux ] && ! has systemd-analyze; then
        need "systemd-analyze" systemd - - - -
    fi
    python3 -c 'import venv, ensurepip' 2>/dev/null ||
        need "Python 3 with venv" "python3 python3-venv" python3 python python3 python3
    # Files are fetched from it; no service of the machine is needed, only the program. A package may start one.
    [ -x /usr/sbin/sshd ] ||
        need "OpenSSH's server (only /usr/sbin/sshd is used: its service may be switched off)" openssh-server openssh-server openssh "openssh-server openssh-keygen" -
    has redis-server || has valkey-server || need "a Redis server" redis-server valkey valkey redis redis
}

# Installs what was noted, with sudo where that takes another user. Says what it does, or what to do.
install_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    local manager list
    manager=$(package_manager)
    list=$(printf ', %s' "${missing[@]}")
    list=${list:2}
    local install
    case "$manager" in
        apt-get) install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends) ;;
        dnf) install=(dnf install -y) ;;
        pacman) install=(pacman -S --needed --noconfirm) ;;
        apk) install=(apk add) ;;
        brew) install=(brew install) ;;
        *) die "Missing: $list. Install it with the package manager of this system, then start again." ;;
    esac
    install+=("${packages[@]}")

    local prefix=
    if [ "$manager" != brew ] && [ "$(id -u)" -ne 0 ]; then
        prefix="sudo "
        # Without a terminal there is nobody to type a password.
        if ! has sudo || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
            die "Missing: $list. Install it as root, then start again:
    ${install[*]}"
        fi
    fi
    say "missing: $list; running: $prefix${install[*]}"
    if [ "$manager" = apt-get ]; then
        as_root "$prefix" apt-get update -q >&2 ||
            say "the package lists could not be brought up to date; trying with those at hand"
    fi
    as_root "$prefix" "${install[@]}" >&2 ||
        die "That failed. Missing: $list. Install it, then start again:
    $prefix${install[*]}"
}

# as_root PREFIX COMMAND...: with sudo when there is a prefix.
as_root() {
    local prefix=$1
    shift
    if [ -n "$prefix" ]; then sudo "$@"; else "$@"; fi
}

# The toolchain is the one thing that is not installed for anybody.
require_rust() {
    if ! has cargo && [ -x "${CARGO_HOME:-${HOME:-}/.cargo}/bin/cargo" ]; then
        PATH="${CARGO_HOME:-${HOME:-}/.cargo}/bin:$PATH"
    fi
    has cargo || die "Rust is missing. Install it from https://rustup.rs, open a new terminal, then start again."
}

# Asks the REST interface whatever its OpenAPI document allows, and what it does not. A test finds it there.
require_schemathesis() {
    local version=4.32.5 home=${CARGO_TARGET_DIR:-target}/schemathesis
    "$home/bin/schemathesis" --version 2>/dev/null | grep -qF "$version" && return
    say "schemathesis $version is missing; running: python3 -m venv $home && $home/bin/pip install schemathesis==$version"
    mkdir -p "$(dirname "$home")"
    { python3 -m venv "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"; } >&2 ||
        die "That failed. Install it, then start again: python3 -m venv $home && $home/bin/pip install schemathesis==$version"
}
