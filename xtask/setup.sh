#!/usr/bin/env bash
# Sees to it that this machine can build Clicker; for `test` that it can run the browser tests; for `test` and `threads` that it can build the
# engine with threads, which nothing else needs.
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
    local source
    source=$(debian_rust_source) || return 1
    say "building the standard library for $wasm"
    build_std "$source" "$usr/bin/rustc" "$usr/bin/cargo" "$usr"
}

# From a source folder, with a compiler and its cargo, into a sysroot; further arguments are flags for the compiler.
build_std() {
    local source=$1 rustc=$2 cargo=$3 to=$4 work
    shift 4
    work=$(mktemp -d)
    quietly cp -r "$source" "$work/" || return 1
    (
        cd "$work/library" || exit 1
        export RUSTC_BOOTSTRAP=1 RUSTC=$rustc RUSTFLAGS="-Cembed-bitcode=yes -Zforce-unstable-if-unmarked $*"
        unset CARGO_TARGET_DIR CARGO_ENCODED_RUSTFLAGS
        quietly "$cargo" build --release --manifest-path sysroot/Cargo.toml --target "$wasm" \
            --features compiler-builtins-mem --target-dir "$work/target"
    ) || return 1
    install_wasm_std "$work/target/$wasm/release/deps" "$to" || return 1
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

# --- the engine with threads ----------------------------------------------------------------------------------------

# It needs a second standard library for wasm32, compiled with atomics, in a sysroot of its own: the first stays as it is. Nothing else needs
# it, so that a failure is a sentence, and everything goes on without threads.
ensure_threads() {
    if threads_std_is_made; then return; fi
    CLICKER_THREADS_STD="" CLICKER_THREADS_RUSTC=""
    local source
    source=$(rust_source)
    # Where the download servers cannot be reached, it may hang.
    if [ -z "$source" ] && have rustup && [ "${RUSTUP_TOOLCHAIN:-}" != debian ]; then
        say "adding the standard library's source to the Rust toolchain (rustup component add rust-src)"
        quietly timeout 180 rustup component add rust-src && source=$(rust_source)
    fi
    if [ -n "$source" ]; then
        make_threads_std "$source" rustc cargo && return
    else
        say "rustup could not download it; taking Debian's Rust packages instead"
        { debian_rust_source >/dev/null || debian rustc-web cargo-web rust-web-src; } && wasm_linker &&
            make_threads_std "$(debian_rust_source)" "$usr/bin/rustc" "$usr/bin/cargo" && return
    fi
    say "no standard library with atomics could be made (see $log): the engine is built without threads." \
        "With a working connection, run: rustup component add rust-src; make threads"
}

# Prints where the source of the toolchain's standard library lies, if it does.
rust_source() {
    local found
    found=$(rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library
    if [ "${RUSTUP_TOOLCHAIN:-}" = debian ]; then
        debian_rust_source || true
    elif [ -d "$found/sysroot" ]; then
        echo "$found"
    fi
}

# Whether the one that an earlier run made is there, and its compiler still the same.
threads_std_is_made() {
    local rustc=${CLICKER_THREADS_RUSTC:-rustc}
    [ -n "${CLICKER_THREADS_STD:-}" ] && "$rustc" -vV 2>/dev/null | cmp -s - "$CLICKER_THREADS_STD/made-by"
}

make_threads_std() {
    local source=$1 rustc=$2 cargo=$3 sysroot=$cache/std-threads
    say "building a standard library for $wasm with atomics (a minute)"
    rm -rf "$sysroot"
    mkdir -p "$sysroot/lib/rustlib"
    build_std "$source" "$rustc" "$cargo" "$sysroot" -Ctarget-feature=+simd128,+atomics,+bulk-memory,+mutable-globals || return 1
    "$rustc" -vV >"$sysroot/made-by" || return 1
    CLICKER_THREADS_STD=$sysroot
    if [ "$rustc" != rustc ]; then CLICKER_THREADS_RUSTC=$rustc; fi
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
        if [ -n "${CLICKER_THREADS_STD:-}" ]; then echo "export CLICKER_THREADS_STD=\"$CLICKER_THREADS_STD\""; fi
        if [ -n "${CLICKER_THREADS_RUSTC:-}" ]; then echo "export CLICKER_THREADS_RUSTC=\"$CLICKER_THREADS_RUSTC\""; fi
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
    case $command in
        test | threads) ensure_threads ;;
        # With another compiler it is of no use.
        *) threads_std_is_made || CLICKER_THREADS_STD="" CLICKER_THREADS_RUSTC="" ;;
    esac
    if [ "$command" = test ]; then
        ensure_node
        ensure_npm_packages
        ensure_browser
    fi
    write_env
}

# Sourced by a test, this file only defines its functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then main; fi
