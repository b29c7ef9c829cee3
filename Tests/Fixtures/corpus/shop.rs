// The scenario in Rust: generics, a trait object, a closure, inlined and never inlined functions.
//
// The line that a frame must show ends in a comment "at NAME".
use std::ffi::{c_int, c_void};
use std::hint::black_box;

extern "C" {
    fn read(descriptor: c_int, bytes: *mut c_void, count: usize) -> isize;
    fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize;
}

pub mod orders {
    use super::*;

    #[inline(always)]
    pub fn read_byte(descriptor: c_int) -> isize {
        let mut byte = 0u8;
        let count = unsafe { read(descriptor, (&raw mut byte).cast(), 1) }; // at read_byte
        black_box(count) + 1
    }

    #[inline(never)]
    pub fn block_in_read(descriptor: c_int) -> isize {
        black_box(unsafe { write(1, b"ready\n".as_ptr().cast(), 6) });
        let blocked = read_byte(descriptor); // at block_in_read
        black_box(blocked) + 1
    }
}

pub trait Account {
    fn post(&self, amount: isize) -> isize;
}

pub struct Ledger<K> {
    key: K,
}

impl<K: Copy + Into<i64>> Ledger<K> {
    #[inline(always)]
    fn visit(&self, body: impl Fn(i64) -> isize) -> isize {
        let visited = body(self.key.into()); // at visit
        black_box(visited) + 1
    }
}

impl<K: Copy + Into<i64>> Account for Ledger<K> {
    #[inline(never)]
    fn post(&self, amount: isize) -> isize {
        let posted = self.visit( // at post
            #[inline(always)]
            |key| {
                let blocked = orders::block_in_read(0); // at closure
                black_box(blocked) + key as isize
            },
        );
        black_box(posted) + amount
    }
}

#[inline(never)]
fn run(account: &dyn Account) -> isize {
    let ran = account.post(1); // at run
    black_box(ran) + 1
}

fn main() {
    let ledger = Ledger { key: black_box(7i32) };
    let status = run(black_box(&ledger)); // at main
    black_box(status);
}
