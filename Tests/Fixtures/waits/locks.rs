// Threads that wait for the locks of Rust's standard library, which keep no owner. Prints "ready" when all are about to wait.
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, Once, RwLock};
use std::time::Duration;

extern "C" {
    fn dumpcollect_install(options: *const std::ffi::c_void) -> i32;
}

static STOCK: Mutex<u64> = Mutex::new(0x7365_6372_6574);
static PRICES: RwLock<i32> = RwLock::new(1);
static OPENED: Once = Once::new();
static ARRIVED: Condvar = Condvar::new();
static OF_ARRIVED: Mutex<()> = Mutex::new(());
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);

fn sleep() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

fn start(name: &str, body: fn()) {
    std::thread::Builder::new()
        .name(name.to_string())
        .spawn(move || {
            BEGUN.fetch_add(1, Relaxed);
            body();
            sleep()
        })
        .unwrap();
}

fn wait_until(counter: &AtomicUsize, value: usize) {
    while counter.load(Relaxed) < value {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn main() {
    if unsafe { dumpcollect_install(std::ptr::null()) } != 0 {
        std::process::exit(2);
    }
    start("owner", || {
        let _stock = STOCK.lock().unwrap();
        let _prices = PRICES.write().unwrap();
        HELD.fetch_add(1, Relaxed);
        sleep()
    });
    start("opener", || {
        OPENED.call_once(|| {
            HELD.fetch_add(1, Relaxed);
            sleep()
        })
    });
    wait_until(&HELD, 2);
    start("mutex", || drop(STOCK.lock().unwrap()));
    start("rwlock", || drop(PRICES.read().unwrap()));
    start("once", || OPENED.call_once(|| {}));
    start("condition", || {
        let mut guard = OF_ARRIVED.lock().unwrap();
        loop {
            guard = ARRIVED.wait(guard).unwrap();
        }
    });
    wait_until(&BEGUN, 6);
    println!("ready");
    let mut byte = [0];
    let _ = std::io::stdin().read(&mut byte);
    std::process::exit(0);
}
