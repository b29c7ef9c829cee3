// Asks pkg-config where scripts/install put the libraries; PKG_CONFIG_PATH=PREFIX/lib/pkgconfig helps it to find them.
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    let output = Command::new("pkg-config")
        .args(["--variable=libdir", "dumpcollect"])
        .output()
        .expect("pkg-config is needed to find dumpcollect");
    assert!(
        output.status.success(),
        "dumpcollect is not installed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    // pkg-config puts a backslash before each space, for shells.
    let directory = String::from_utf8_lossy(&output.stdout).replace("\\ ", " ");
    println!("cargo:rustc-link-search=native={}", directory.trim());
    if std::env::var_os("CARGO_FEATURE_THREADS").is_some() {
        // Whole, although nobody asks for its pthread_create before libc has one.
        println!("cargo:rustc-link-lib=static:+whole-archive=dumpcollect-threads");
    }
    println!("cargo:rustc-link-lib=static=dumpcollect");
}
