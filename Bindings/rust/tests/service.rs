//! One life of a handler, from install to uninstall. DUMPCOLLECT says where captures go.
use dumpcollect::{Options, Switch, Watchdog};
use std::io::ErrorKind;
use std::sync::mpsc;
use std::time::Duration;

fn wait_for_nothing(ready: mpsc::Sender<()>, never: mpsc::Receiver<()>) {
    dumpcollect::attach_thread().expect("an alternate stack, the thread's own or ours");
    dumpcollect::set_label("tenant", Some("blue")).expect("a label");
    dumpcollect::set_label("gone", Some("x")).expect("a label");
    dumpcollect::set_label("gone", None).expect("no label");
    ready.send(()).expect("somebody who waits");
    // Until the other end is dropped.
    let _ = never.recv();
}

#[test]
fn the_handler_is_installed_captures_and_is_uninstalled() {
    assert_eq!(dumpcollect::version().split('.').count(), 3);
    assert!(dumpcollect::capture("too early").is_err());
    assert!(Watchdog::new("too early", Duration::from_secs(1)).is_err());
    let mut options = Options {
        max_frames: Some(1_000_000),
        ..Options::default()
    };
    let refused = dumpcollect::install(&options).expect_err("too many frames");
    assert_eq!(refused.raw_os_error(), Some(22));
    options = Options {
        min_interval: Some(Duration::ZERO),
        thread_origins: Switch::On,
        ..Options::default()
    };
    dumpcollect::install(&options).expect("a handler");
    assert!(dumpcollect::install(&options).is_err());
    assert_eq!(dumpcollect::last_capture(), None);

    let (ready, begun) = mpsc::channel();
    let (stop, never) = mpsc::channel();
    let worker = std::thread::Builder::new()
        .name("rust-worker".into())
        .spawn(move || wait_for_nothing(ready, never))
        .expect("a thread");
    begun.recv().expect("a worker");
    dumpcollect::note("about to be captured").expect("a note");
    assert_eq!(
        dumpcollect::note("a\0b").expect_err("a NUL").kind(),
        ErrorKind::InvalidInput
    );
    let path = dumpcollect::capture("from Rust ✓").expect("a capture");
    assert!(path.is_file());
    assert_eq!(dumpcollect::last_capture(), Some(path.clone()));

    let watchdog = Watchdog::new("rust loop", Duration::from_millis(50)).expect("a watchdog");
    for _ in 0..10 {
        watchdog.tick();
    }
    while dumpcollect::last_capture() == Some(path.clone()) {
        std::thread::yield_now();
    }
    drop(watchdog);
    drop(stop);
    worker.join().expect("a worker that ends");
    dumpcollect::uninstall().expect("a handler to take back");
}
