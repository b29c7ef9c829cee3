//! The declarations of `dumpcollect.h`.
use std::os::raw::{c_char, c_int};

#[repr(C)]
pub struct Options {
    pub size: usize,
    pub directory: *const c_char,
    pub dump_signal: i64,
    pub thread_signal: i64,
    pub on_crash: i64,
    pub timeout_ms: i64,
    pub max_captures: i64,
    pub max_total_bytes: i64,
    pub min_interval_ms: i64,
    pub max_frames: i64,
    pub tasks: i64,
    pub stack_bytes: i64,
    pub environment: i64,
    pub arguments: i64,
    pub thread_origins: i64,
    pub crash_limits: i64,
}

extern "C" {
    pub fn dumpcollect_install(options: *const Options) -> c_int;
    pub fn dumpcollect_uninstall() -> c_int;
    pub fn dumpcollect_capture(reason: *const c_char) -> c_int;
    pub fn dumpcollect_last_capture() -> *const c_char;
    pub fn dumpcollect_thread_attach() -> c_int;
    pub fn dumpcollect_thread_detach() -> c_int;
    pub fn dumpcollect_set_label(key: *const c_char, value: *const c_char) -> c_int;
    pub fn dumpcollect_note(line: *const c_char) -> c_int;
    pub fn dumpcollect_watchdog_begin(name: *const c_char, limit_ms: i64) -> c_int;
    pub fn dumpcollect_watchdog_tick(id: c_int);
    pub fn dumpcollect_watchdog_end(id: c_int) -> c_int;
    pub fn dumpcollect_version() -> *const c_char;
}
