//! Live dumps and crash captures of a running service.
//!
//! ```no_run
//! dumpcollect::install(&dumpcollect::Options::default()).expect("a handler");
//! let watchdog = dumpcollect::Watchdog::new("event loop", std::time::Duration::from_secs(2)).unwrap();
//! loop {
//!     watchdog.tick();
//!     // …
//! }
//! ```
//!
//! `kill -QUIT PID` then makes a capture of all threads, and the service goes on. The functions are those of
//! `dumpcollect.h`, which says more of each.

mod raw;

use std::ffi::{CStr, CString};
use std::fmt;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

/// A switch whose default is the library's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    #[default]
    Default,
    On,
    Off,
}

/// What can be chosen; `None` and `Switch::Default` are the defaults of `dumpcollect.h`. The environment variable
/// `DUMPCOLLECT` wins over all of it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where captures go, tried first at each capture.
    pub directory: Option<PathBuf>,
    /// Asks for a capture; SIGQUIT.
    pub dump_signal: Option<i32>,
    /// Sent to the threads; SIGPROF.
    pub thread_signal: Option<i32>,
    /// Fatal signals make a capture; on.
    pub on_crash: Switch,
    /// Bound of one capture; 2 s.
    pub timeout: Option<Duration>,
    /// Files kept in the directory; 32.
    pub max_captures: Option<u32>,
    /// Bytes kept in the directory; 1 GiB.
    pub max_total_bytes: Option<u64>,
    /// Least time between the starts of two captures, zero for none; 1 s.
    pub min_interval: Option<Duration>,
    /// Frames of a thread; 512.
    pub max_frames: Option<u32>,
    /// Stack bytes of each thread that are written; none.
    pub stack_bytes: Option<u32>,
    /// Values of environment variables are written, not names alone; off.
    pub environment: Switch,
    /// Arguments of the process are written; off.
    pub arguments: Switch,
    /// With the feature `threads`: threads carry the stack that created them; off.
    pub thread_origins: Switch,
    /// SIGXCPU and SIGXFSZ are fatal signals too; off.
    pub crash_limits: Switch,
}

/// What the library refused, with the errno it gave.
pub type Result<T> = std::result::Result<T, io::Error>;

/// Arms the handler. Fails with `EALREADY` where it is armed, with `EINVAL` for an option out of its range.
pub fn install(options: &Options) -> Result<()> {
    let directory = match &options.directory {
        Some(path) => Some(text(path.as_os_str().as_bytes())?),
        None => None,
    };
    let values = raw::Options {
        size: std::mem::size_of::<raw::Options>(),
        directory: directory.as_ref().map_or(std::ptr::null(), |path| path.as_ptr()),
        dump_signal: options.dump_signal.map_or(0, i64::from),
        thread_signal: options.thread_signal.map_or(0, i64::from),
        on_crash: switch(options.on_crash),
        timeout_ms: milliseconds(options.timeout),
        max_captures: number(options.max_captures.map(u64::from)),
        max_total_bytes: number(options.max_total_bytes),
        min_interval_ms: milliseconds(options.min_interval),
        max_frames: number(options.max_frames.map(u64::from)),
        tasks: 0,
        stack_bytes: number(options.stack_bytes.map(u64::from)),
        environment: switch(options.environment),
        arguments: switch(options.arguments),
        thread_origins: switch(options.thread_origins),
        crash_limits: switch(options.crash_limits),
    };
    // Safe because the library copies the path before it returns, and the size says which fields there are.
    check(unsafe { raw::dumpcollect_install(&values) })
}

/// Takes the dump signal's and the crash signals' actions back, and ends the collector thread.
pub fn uninstall() -> Result<()> {
    // Safe: takes nothing.
    check(unsafe { raw::dumpcollect_uninstall() })
}

/// Makes one capture now and returns the path of its file. Fails with `EAGAIN` when the last one is younger than the
/// least interval.
pub fn capture(reason: &str) -> Result<PathBuf> {
    let reason = text(reason.as_bytes())?;
    // Safe because the library copies the reason before it returns.
    check(unsafe { raw::dumpcollect_capture(reason.as_ptr()) })?;
    last_capture().ok_or_else(|| io::Error::from_raw_os_error(ENOENT))
}

/// The path of the last published capture.
pub fn last_capture() -> Option<PathBuf> {
    // Safe because the text belongs to this thread until it asks again.
    let path = unsafe {
        let path = raw::dumpcollect_last_capture();
        if path.is_null() {
            return None;
        }
        CStr::from_ptr(path).to_bytes().to_vec()
    };
    Some(PathBuf::from(std::ffi::OsString::from_vec(path)))
}

/// Keeps a line for the next captures, which have the last 256. Never waits: a logger may call it for every line.
pub fn note(line: &str) -> Result<()> {
    let line = text(line.as_bytes())?;
    // Safe because the library copies the line before it returns.
    check(unsafe { raw::dumpcollect_note(line.as_ptr()) })
}

/// Gives the calling thread a label, or removes it.
pub fn set_label(key: &str, value: Option<&str>) -> Result<()> {
    let key = text(key.as_bytes())?;
    let value = value.map(|value| text(value.as_bytes())).transpose()?;
    let value = value.as_ref().map_or(std::ptr::null(), |value| value.as_ptr());
    // Safe because the library copies both before it returns.
    check(unsafe { raw::dumpcollect_set_label(key.as_ptr(), value) })
}

/// Gives the calling thread an alternate signal stack, unless it has one: Rust's standard library gives its own
/// threads one, those that C code made have none.
pub fn attach_thread() -> Result<()> {
    // Safe: takes nothing.
    check(unsafe { raw::dumpcollect_thread_attach() })
}

/// Takes it back before the thread's end.
pub fn detach_thread() -> Result<()> {
    // Safe: takes nothing.
    check(unsafe { raw::dumpcollect_thread_detach() })
}

/// The version of the library.
pub fn version() -> &'static str {
    // Safe because the text is a constant of the library.
    unsafe { CStr::from_ptr(raw::dumpcollect_version()) }
        .to_str()
        .unwrap_or("")
}

/// Makes a capture when no tick came for so long; ends when it is dropped.
pub struct Watchdog {
    id: i32,
}

impl Watchdog {
    /// Begins one; the limit is at least 10 ms, and there may be 128 at a time.
    pub fn new(name: &str, limit: Duration) -> Result<Watchdog> {
        let name = text(name.as_bytes())?;
        let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        // Safe because the library copies the name before it returns.
        let id = unsafe { raw::dumpcollect_watchdog_begin(name.as_ptr(), limit) };
        if id < 0 {
            return Err(io::Error::from_raw_os_error(-id));
        }
        Ok(Watchdog { id })
    }

    /// A store, without a system call; from any thread.
    pub fn tick(&self) {
        // Safe: an id that is none does nothing.
        unsafe { raw::dumpcollect_watchdog_tick(self.id) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Safe, and the result says no more than that it had ended.
        let _ = unsafe { raw::dumpcollect_watchdog_end(self.id) };
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Watchdog({})", self.id)
    }
}

const ENOENT: i32 = 2;
const EINVAL: i32 = 22;

fn check(result: i32) -> Result<()> {
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(-result))
}

/// A text of C; one with a NUL inside is refused.
fn text(bytes: &[u8]) -> Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::from_raw_os_error(EINVAL))
}

fn switch(switch: Switch) -> i64 {
    match switch {
        Switch::Default => 0,
        Switch::On => 1,
        Switch::Off => -1,
    }
}

/// Zero is no limit, which the library calls −1.
fn number(value: Option<u64>) -> i64 {
    match value {
        None => 0,
        Some(0) => -1,
        Some(value) => i64::try_from(value).unwrap_or(i64::MAX),
    }
}

fn milliseconds(duration: Option<Duration>) -> i64 {
    // Less than a millisecond is one, not none.
    number(duration.map(|duration| {
        let whole = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        if duration.is_zero() {
            0
        } else {
            whole.max(1)
        }
    }))
}
