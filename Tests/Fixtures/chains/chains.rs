// The Rust form of the chains: generics, a trait object, a closure, a mutex and a channel.
//
// A line that a frame must show ends in a comment "at NAME".
use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Barrier};
use std::thread;

extern "C" {
    fn dumpcollect_install(options: *const c_void) -> c_int;
    fn pipe(descriptors: *mut c_int) -> c_int;
    fn read(descriptor: c_int, bytes: *mut c_void, count: usize) -> isize;
}

static WORK: AtomicU64 = AtomicU64::new(0);

#[inline(never)]
fn block_in_read(descriptor: c_int) -> isize {
    let mut byte = 0u8;
    let count = unsafe { read(descriptor, (&raw mut byte).cast(), 1) }; // at block_in_read
    black_box(count) + 1
}

trait Session {
    fn keep_alive(&self, peer: &str) -> isize;
}

struct Client<K> {
    descriptor: c_int,
    key: K,
}

impl<K: ToString> Session for Client<K> {
    #[inline(never)]
    fn keep_alive(&self, peer: &str) -> isize {
        black_box(self.key.to_string().len() + peer.len());
        black_box(self.poll()) + 1 // at keep_alive
    }
}

impl<K> Client<K> {
    #[inline(always)]
    fn poll(&self) -> isize {
        black_box(block_in_read(self.descriptor)) + 1 // at poll
    }
}

#[inline(never)]
fn run(session: &dyn Session) -> isize {
    black_box(session.keep_alive("peer")) + 1 // at run
}

#[inline(never)]
fn receive(channel: &mpsc::Receiver<u64>) -> u64 {
    let value = channel.recv(); // at receive
    black_box(value.unwrap_or(0)) + 1
}

fn spawn(name: &str, started: &Arc<Barrier>, body: impl FnOnce() + Send + 'static) {
    let started = started.clone();
    thread::Builder::new()
        .name(name.to_string())
        .spawn(move || {
            started.wait();
            body(); // at body
        })
        .expect("a thread");
}

#[inline(never)]
fn serve() -> usize {
    let mut count = 0;
    for line in std::io::stdin().lock().lines() { // at serve
        if line.expect("a line") == "work" {
            println!("{}", WORK.load(Ordering::Relaxed));
            std::io::stdout().flush().expect("standard output");
        }
        count += 1;
    }
    count
}

fn main() {
    let error = unsafe { dumpcollect_install(std::ptr::null()) };
    assert_eq!(error, 0);
    let mut silent = [0; 2];
    assert_eq!(unsafe { pipe(silent.as_mut_ptr()) }, 0);
    let descriptor = silent[0];
    let (sender, receiver) = mpsc::channel::<u64>();
    let started = Arc::new(Barrier::new(4));
    spawn("session", &started, move || {
        let client = Client { descriptor, key: 7u64 };
        black_box(run(&client)); // at session
    });
    spawn("channel", &started, move || {
        black_box(receive(&receiver)); // at channel
    });
    spawn("spinner", &started, || loop {
        WORK.fetch_add(1, Ordering::Relaxed);
    });
    started.wait();
    println!("ready");
    std::io::stdout().flush().expect("standard output");
    let count = serve(); // at main
    drop(sender);
    black_box(count);
}
