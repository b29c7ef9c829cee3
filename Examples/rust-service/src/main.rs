//! Workers behind a channel; `kill -QUIT` its pid shows who waits where.

use std::os::raw::{c_int, c_void};
use std::sync::{mpsc, Arc, Mutex};
use std::thread;
use std::time::Duration;

extern "C" {
    /// `dumpcollect.h`; null options mean the environment and the defaults.
    fn dumpcollect_install(options: *const c_void) -> c_int;
}

fn work(jobs: Arc<Mutex<mpsc::Receiver<u32>>>) {
    loop {
        let job = jobs.lock().unwrap().recv();
        match job {
            Ok(number) => thread::sleep(Duration::from_millis(u64::from(number % 50))),
            Err(_) => return,
        }
    }
}

fn main() {
    // Safe because the library is linked and takes a null pointer.
    let error = unsafe { dumpcollect_install(std::ptr::null()) };
    if error != 0 {
        eprintln!("no dumps: {}", std::io::Error::from_raw_os_error(-error));
    }

    let (sender, receiver) = mpsc::channel();
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 0..3 {
        let jobs = Arc::clone(&receiver);
        thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || work(jobs))
            .expect("a thread");
    }
    println!("ready, pid {}", std::process::id());
    for job in 0.. {
        sender.send(job).expect("workers that listen");
        thread::sleep(Duration::from_millis(200));
    }
}
