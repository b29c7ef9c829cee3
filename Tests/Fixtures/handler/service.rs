// A Rust service: a thread blocked in a channel's receiver below closures and a trait object, one that works.
use std::ffi::{c_char, c_int, c_void};
use std::io::{BufRead, Read, Write};
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

extern "C" {
    fn dumpcollect_install(options: *const c_void) -> c_int;
    fn dumpcollect_set_label(key: *const c_char, value: *const c_char) -> c_int;
    fn pipe(descriptors: *mut c_int) -> c_int;
}

static WORK: AtomicU64 = AtomicU64::new(0);
static IN_PLACE: AtomicUsize = AtomicUsize::new(0);

trait Job {
    fn run(&self, descriptor: c_int) -> usize;
}

struct Lookup(usize);

#[inline(never)]
fn block_in_read(descriptor: c_int) -> usize {
    let mut file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(descriptor) });
    let mut byte = [0u8; 1];
    IN_PLACE.fetch_add(1, Ordering::SeqCst);
    file.read(&mut byte).unwrap_or(0) + 1
}

impl Job for Lookup {
    #[inline(never)]
    fn run(&self, descriptor: c_int) -> usize {
        block_in_read(descriptor) + self.0
    }
}

#[inline(never)]
fn serve(job: &dyn Job, descriptor: c_int) -> usize {
    job.run(descriptor) + 1
}

#[inline(never)]
fn work_for_ever() {
    loop {
        WORK.fetch_add(1, Ordering::Relaxed);
    }
}

fn main() {
    let mut ends = [0 as c_int; 2];
    let result = unsafe {
        assert_eq!(pipe(ends.as_mut_ptr()), 0);
        dumpcollect_install(std::ptr::null())
    };
    eprintln!("install {result}");
    let descriptor = ends[0];
    thread::Builder::new()
        .name("lookup".into())
        .spawn(move || {
            unsafe { dumpcollect_set_label(c"language".as_ptr(), c"rust".as_ptr()) };
            serve(&Lookup(1), descriptor)
        })
        .expect("thread");
    thread::Builder::new().name("worker".into()).spawn(work_for_ever).expect("thread");
    while IN_PLACE.load(Ordering::SeqCst) < 1 {
        thread::yield_now();
    }
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        println!("work {}", WORK.load(Ordering::Relaxed));
        std::io::stdout().flush().expect("output");
    }
    std::process::exit(0);
}
