import Glibc

// Calls of the kernel that glibc's module does not show to Swift. Declared with their C interface, so
// the compiler passes the arguments as C would.

/// pidfd_open(2).
@_extern(c, "pidfd_open")
func pidfdOpen(_ processID: pid_t, _ flags: UInt32) -> Int32

/// pidfd_send_signal(2).
@_extern(c, "pidfd_send_signal")
func pidfdSendSignal(
  _ descriptor: Int32,
  _ signal: Int32,
  _ information: UnsafeMutableRawPointer?,
  _ flags: UInt32
) -> Int32

/// syscall(2) with three numbers, for futex(2): address, operation, value, timeout, two unused.
@_extern(c, "syscall")
func systemCall(
  _ number: Int,
  _ address: UnsafeRawPointer?,
  _ operation: Int,
  _ value: Int,
  _ timeout: UnsafeRawPointer?,
  _ address2: UnsafeRawPointer?,
  _ value3: Int
) -> Int

/// The number of rt_tgsigqueueinfo(2).
let queueThreadSignalNumber: Int = {
  #if arch(x86_64)
    297
  #else
    240
  #endif
}()

/// The number of futex(2).
let futexNumber: Int = {
  #if arch(x86_64)
    202
  #else
    98
  #endif
}()
