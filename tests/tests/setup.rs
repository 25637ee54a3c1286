//! xtask/setup.sh on machines that are not this one: every outside program is a small script that plays its part.

use crate::root;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const STD: &str = "lib/rustlib/wasm32-unknown-unknown/lib/libstd-1.rlib";

/// A cargo that "builds" one rlib.
const BUILDS: &str = r#"while [ $# -gt 0 ]; do [ "$1" = --target-dir ] && to=$2; shift; done
    mkdir -p "$to/wasm32-unknown-unknown/release/deps"; echo "$RUSTFLAGS" >"$to/wasm32-unknown-unknown/release/deps/libstd-1.rlib""#;

/// A machine with a rustup toolchain in `rustup/` that lacks wasm32, and an empty Debian `usr/`.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let machine = Self(tempfile::tempdir().expect("a temporary folder"));
        for folder in ["bin", "home", "cache", "rustup", "usr/bin"] {
            std::fs::create_dir_all(machine.path(folder)).expect("a folder below it");
        }
        machine.program("cargo", "exit 0");
        // `debian` stands for the linked toolchain, as rustup does when RUSTUP_TOOLCHAIN names it.
        machine.program(
            "rustc",
            r#"if [ "${RUSTUP_TOOLCHAIN:-}" = debian ]; then echo "$M/usr"; else echo "$M/rustup"; fi"#,
        );
        machine.program("rustup", r#"echo "$*" >>"$M/rustup.log"; [ "$1" = toolchain ]"#);
        machine.program("apt-get", "exit 100");
        machine.program("sudo", "exit 1");
        // Whoever runs the tests, this machine's user is root.
        machine.program("id", "echo 0");
        machine
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, body: &str) {
        self.file(&format!("bin/{name}"), body);
    }

    fn file(&self, name: &str, body: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("its folder");
        std::fs::write(&path, format!("#!/bin/bash\n{body}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("an executable script");
    }

    /// A Debian whose packages arrive: apt-get brings compiler and source, its cargo "builds" one rlib.
    fn debian_arrives(&self) {
        self.program("rust-lld", "exit 0");
        self.program(
            "apt-get",
            r#"echo "$*" >>"$M/apt.log"; [ "$1" = install ] || exit 0
            mkdir -p "$M/usr/src/rustc-9.9.9/library/sysroot"; cp "$M/debian/"* "$M/usr/bin/""#,
        );
        self.file("debian/rustc", "echo 'rustc 9.9.9 (x 2026-01-01)'");
        self.file("debian/cargo-clippy", "exit 0");
        self.file("debian/cargo-fmt", "exit 0");
        self.file("debian/cargo", BUILDS);
    }

    fn set_up(&self) -> Output {
        self.set_up_for("play")
    }

    fn set_up_for(&self, command: &str) -> Output {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        Command::new("/bin/bash")
            .arg(root().join("xtask/setup.sh"))
            .arg(command)
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path("home"))
            .env("M", self.0.path())
            .env("CLICKER_CACHE", self.path("cache"))
            .env("CLICKER_DEBIAN_USR", self.path("usr"))
            .output()
            .expect("bash runs")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_there_is_left_alone() {
    let machine = Machine::new();
    machine.file(&format!("rustup/{STD}"), "");
    let output = machine.set_up();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output), "");
    assert_eq!(machine.read("rustup.log"), "");
    assert!(!machine.read("cache/env.sh").contains("RUSTUP_TOOLCHAIN"));
}

#[test]
fn the_ordinary_way_comes_first() {
    let machine = Machine::new();
    machine.debian_arrives();
    machine.program("rustup", &format!(r#"mkdir -p "$M/rustup/{STD}""#));
    let output = machine.set_up();
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("rustup target add"));
    assert_eq!(machine.read("apt.log"), "");
}

#[test]
fn the_detour_ends_in_a_linked_toolchain_and_a_second_run_installs_nothing() {
    let machine = Machine::new();
    machine.debian_arrives();
    let first = machine.set_up();
    assert!(first.status.success(), "{}\n{}", said(&first), machine.read("cache/setup.log"));
    assert!(said(&first).contains("installing Debian packages: rustc-web"));
    assert!(machine.read("apt.log").starts_with("update\n"), "a stale package list is refreshed first");
    assert!(machine.path("usr").join(STD).exists());
    assert!(machine.read("rustup.log").contains("toolchain link debian"));
    assert!(machine.read("cache/env.sh").contains("export RUSTUP_TOOLCHAIN=debian"));

    let log = machine.read("apt.log");
    let second = machine.set_up();
    assert!(second.status.success());
    assert_eq!(said(&second), "");
    assert_eq!(machine.read("apt.log"), log);
    assert!(machine.read("cache/env.sh").contains("export RUSTUP_TOOLCHAIN=debian"));
}

#[test]
fn when_both_fail_a_sentence_says_what_to_do() {
    let machine = Machine::new();
    let output = machine.set_up();
    assert!(!output.status.success());
    assert!(said(&output).contains("run: rustup target add wasm32-unknown-unknown"), "{}", said(&output));
    assert!(!Path::new(&machine.path("cache/env.sh")).exists());
}

#[test]
fn threads_get_a_standard_library_of_their_own_until_the_compiler_changes() {
    let machine = Machine::new();
    machine.file(&format!("rustup/{STD}"), "");
    machine.program("cargo", BUILDS);
    machine.program(
        "rustup",
        r#"[ "$*" = "component add rust-src" ] && mkdir -p "$M/rustup/lib/rustlib/src/rust/library/sysroot""#,
    );
    let output = machine.set_up_for("threads");
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("rustup component add rust-src"), "{}", said(&output));
    assert!(
        machine.read(&format!("cache/std-threads/{STD}")).contains("+atomics"),
        "{}",
        machine.read("cache/setup.log")
    );
    assert!(!machine.read(&format!("rustup/{STD}")).contains("+atomics"), "the first one stays as it is");
    let line = format!("export CLICKER_THREADS_STD=\"{}\"", machine.path("cache/std-threads").display());
    assert!(machine.read("cache/env.sh").contains(&line));
    assert!(!machine.read("cache/env.sh").contains("CLICKER_THREADS_RUSTC"));
    for command in ["threads", "play"] {
        let again = machine.set_up_for(command);
        assert_eq!((again.status.success(), said(&again)), (true, String::new()));
        assert!(machine.read("cache/env.sh").contains(&line), "{command}");
    }
    machine.program("rustc", r#"[ "$1" = --print ] && echo "$M/rustup" || echo another"#);
    let newer = machine.set_up();
    assert_eq!((newer.status.success(), said(&newer)), (true, String::new()));
    assert!(!machine.read("cache/env.sh").contains("CLICKER_THREADS_STD"));
    assert!(said(&machine.set_up_for("threads")).contains("building a standard library"));
    assert!(machine.read("cache/env.sh").contains(&line));
}

#[test]
fn threads_take_the_detour_and_leave_the_toolchain_as_it_is() {
    let machine = Machine::new();
    machine.file(&format!("rustup/{STD}"), "");
    machine.debian_arrives();
    let output = machine.set_up_for("threads");
    assert!(output.status.success(), "{}\n{}", said(&output), machine.read("cache/setup.log"));
    assert!(said(&output).contains("installing Debian packages: rustc-web cargo-web rust-web-src"));
    assert!(machine.read(&format!("cache/std-threads/{STD}")).contains("+atomics"));
    let env = machine.read("cache/env.sh");
    assert!(env.contains(&format!("CLICKER_THREADS_RUSTC=\"{}\"", machine.path("usr/bin/rustc").display())), "{env}");
    assert!(!env.contains("RUSTUP_TOOLCHAIN"), "{env}");
    assert_eq!(said(&machine.set_up_for("threads")), "");
}

#[test]
fn without_threads_everything_goes_on() {
    let machine = Machine::new();
    machine.file(&format!("rustup/{STD}"), "");
    let output = machine.set_up_for("threads");
    assert!(output.status.success());
    assert!(said(&output).contains("the engine is built without threads"), "{}", said(&output));
    assert!(said(&output).contains("rustup component add rust-src; make threads"));
    assert!(!machine.read("cache/env.sh").contains("CLICKER_THREADS"));
}
