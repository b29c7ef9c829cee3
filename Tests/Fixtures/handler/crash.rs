// A Rust program that ends: its standard library has an action for SIGSEGV and alternate stacks of its own.
use std::ffi::{c_int, c_void};

extern "C" {
    fn dumpcollect_install(options: *const c_void) -> c_int;
}

#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    overflow(depth + 1) + room[7]
}

#[inline(never)]
fn read_wild() -> u64 {
    unsafe { std::ptr::read_volatile(std::hint::black_box(0x1238 as *const u64)) }
}

fn end(how: &str) -> u64 {
    match how {
        "overflow" => overflow(0),
        "segv" => read_wild(),
        "abort" => std::process::abort(),
        _ => panic!("told to panic"),
    }
}

fn main() {
    eprintln!("install {}", unsafe { dumpcollect_install(std::ptr::null()) });
    let how = std::env::args().nth(1).expect("how");
    let sum = match how.strip_prefix("thread ") {
        Some(rest) => {
            let rest = rest.to_string();
            let builder = std::thread::Builder::new().name("worker".into());
            builder.spawn(move || end(&rest)).expect("thread").join().unwrap_or(1)
        }
        None => end(&how),
    };
    std::process::exit(sum as i32);
}
