//! A new migration file must rebuild the crate: the `migrate!` macro reads the folder at compile time.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
