#!/usr/bin/env bash
# Sees to it that this machine can build Clicker, and for `test` that it can run the browser tests.
#
# Each need is met in this order: it is there already; the ordinary way; the detour (Debian packages, for machines that
# reach package registries but not the download servers); a sentence that says what to do by hand. What is installed is
# said. What was found is written to env.sh in the cache folder, which xtask/run reads; a second run installs nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command=${1:-}
cache=${CLICKER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/clicker}
wasm=wasm32-unknown-unknown
# Where Debian's packages put the compiler; the tests of this script point it elsewhere.
usr=${CLICKER_DEBIAN_USR:-/usr}
mkdir -p "$cache/bin"
log=$cache/setup.log

say() { echo "set-up: $*" >&2; }
stop() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command quietly; its output goes to the log.
quietly() { echo "+ $*" >>"$log"; "$@" >>"$log" 2>&1; }

# Installs Debian packages: as root, or through sudo when that asks no password.
debian() {
    have apt-get || return 1
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        have sudo && sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    say "installing Debian packages: $*"
    quietly "${sudo[@]}" apt-get update || return 1
    quietly "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# --- Rust ---------------------------------------------------------------------------------------------------------

# Whether the standard library for wasm32 lies in this sysroot, under its plain or its hashed name.
has_wasm_std() {
    local found
    for found in "$1/lib/rustlib/$wasm/lib/"libstd.rlib "$1/lib/rustlib/$wasm/lib/"libstd-*.rlib; do
        [ -e "$found" ] && return 0
    done
    return 1
}

current_toolchain_works() { has_wasm_std "$(rustc --print sysroot 2>/dev/null)"; }

ensure_rust() {
    have cargo && have rustc || stop "Rust is missing. Install it from https://rustup.rs and run this again."
    if current_toolchain_works; then return; fi
    if have rustup; then
        say "adding the $wasm target to the Rust toolchain (rustup target add)"
        if quietly rustup target add "$wasm" && current_toolchain_works; then return; fi
        say "rustup could not download it; building it from Debian's Rust packages instead (2 to 3 minutes)"
        if debian_rust; then
            RUSTUP_TOOLCHAIN=debian
            export RUSTUP_TOOLCHAIN
            if current_toolchain_works; then return; fi
        fi
    fi
    stop "Rust has no $wasm target and it could not be installed (see $log)." \
        "With a working connection, run: rustup target add $wasm"
}

# Debian's compiler knows wasm32 but ships no standard library for it: build that from the matching source package, then
# make the pair a rustup toolchain. The result lives under /usr, as rustup's link needs one sysroot for both targets.
debian_rust() {
    if ! { [ -x "$usr/bin/cargo-clippy" ] && [ -x "$usr/bin/cargo-fmt" ] && debian_rust_source >/dev/null; }; then
        debian rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web || return 1
    fi
    wasm_linker || return 1
    if ! has_wasm_std "$usr"; then
        build_wasm_std || return 1
    fi
    quietly rustup toolchain link debian "$usr"
}

# Prints the source folder that matches Debian's compiler. (`set -e` does not reach into conditions: hence the returns.)
debian_rust_source() {
    local version
    version=$("$usr/bin/rustc" --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ -d "$usr/src/rustc-$version/library" ] && echo "$usr/src/rustc-$version/library"
}

build_wasm_std() {
    local source work
    source=$(debian_rust_source) || return 1
    work=$(mktemp -d)
    say "building the standard library for $wasm"
    quietly cp -r "$source" "$work/" || return 1
    (
        cd "$work/library" || exit 1
        export RUSTC_BOOTSTRAP=1 RUSTC=$usr/bin/rustc RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked"
        unset CARGO_TARGET_DIR
        quietly "$usr/bin/cargo" build --release --manifest-path sysroot/Cargo.toml --target "$wasm" \
            --features compiler-builtins-mem --target-dir "$work/target"
    ) || return 1
    install_wasm_std "$work/target/$wasm/release/deps" "$usr" || return 1
    rm -rf "$work"
}

# From a folder of rlibs into a sysroot, as root or through sudo.
install_wasm_std() {
    local to=$2/lib/rustlib/$wasm/lib sudo=()
    [ "$(id -u)" = 0 ] || [ -w "$2/lib/rustlib" ] || sudo=(sudo -n)
    quietly "${sudo[@]}" mkdir -p "$to" && quietly "${sudo[@]}" cp "$1"/*.rlib "$to/"
}

# Debian's compiler has no linker for wasm: a rustup toolchain's does, and so does Debian's lld.
wasm_linker() {
    if have rust-lld; then return; fi
    local found
    for found in "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/lib/rustlib/*/bin/rust-lld; do
        if [ -x "$found" ]; then
            ln -sf "$found" "$cache/bin/rust-lld"
            return
        fi
    done
    have lld || debian lld || return 1
    ln -sf "$(command -v lld)" "$cache/bin/rust-lld"
}

# --- the browser tests --------------------------------------------------------------------------------------------

ensure_node() {
    if have node && have npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then return; fi
    debian nodejs npm || true
    if have node && have npm && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; then return; fi
    stop "The browser tests need Node.js 20 or newer with npm. Install it from https://nodejs.org and run this again."
}

ensure_npm_packages() {
    local installed=end2end/node_modules/.installed-from
    if cmp -s end2end/package-lock.json "$installed"; then return; fi
    say "installing the npm packages of end2end"
    (cd end2end && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 quietly npm ci --no-audit --no-fund) ||
        stop "npm could not install the packages of end2end (see $log). With a working connection, run: cd end2end && npm ci"
    cp end2end/package-lock.json "$installed"
}

# Prints a browser's path: the one named in CHROME, one on PATH, or the one Playwright downloaded earlier.
find_browser() {
    local name path
    if [ -n "${CHROME:-}" ] && [ -x "$CHROME" ]; then
        echo "$CHROME"
        return
    fi
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        if have "$name"; then
            command -v "$name"
            return
        fi
    done
    path=$(cd end2end && node -p 'require("playwright-core").chromium.executablePath()' 2>/dev/null) || return 1
    [ -x "$path" ] && echo "$path"
}

ensure_browser() {
    CHROME=$(find_browser) && return
    say "downloading Chromium for the browser tests (playwright install chromium)"
    (cd end2end && quietly npx playwright-core install chromium) || say "Playwright could not download it"
    CHROME=$(find_browser) && return
    debian chromium || true
    CHROME=$(find_browser) && return
    stop "The browser tests need Chromium or Chrome. Install one, or name it: CHROME=/path/to/chrome make test"
}

# ------------------------------------------------------------------------------------------------------------------

write_env() {
    {
        echo "# Written by xtask/setup.sh: what it found to work on this machine."
        echo "export PATH=\"$cache/bin:\$PATH\""
        if [ -n "${RUSTUP_TOOLCHAIN:-}" ]; then echo "export RUSTUP_TOOLCHAIN=$RUSTUP_TOOLCHAIN"; fi
        if [ -n "${CHROME:-}" ]; then echo "export CHROME=\"$CHROME\""; fi
    } >"$cache/env.sh.new"
    mv "$cache/env.sh.new" "$cache/env.sh"
}

main() {
    export PATH="$cache/bin:$PATH"
    local asked=${RUSTUP_TOOLCHAIN:-} browser=${CHROME:-}
    # What an earlier run found holds, unless the caller asks for something else.
    # shellcheck source=/dev/null
    if [ -f "$cache/env.sh" ]; then . "$cache/env.sh"; fi
    if [ -n "$asked" ]; then export RUSTUP_TOOLCHAIN=$asked; fi
    if [ -n "$browser" ]; then CHROME=$browser; fi

    ensure_rust
    if [ "$command" = test ]; then
        ensure_node
        ensure_npm_packages
        ensure_browser
    fi
    write_env
}

# Sourced by a test, this file only defines its functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main; fi
