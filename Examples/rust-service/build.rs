// Asks pkg-config where scripts/install put the library; PKG_CONFIG_PATH=PREFIX/lib/pkgconfig helps it to find it.
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
    println!("cargo:rustc-link-lib=static=dumpcollect");
}
