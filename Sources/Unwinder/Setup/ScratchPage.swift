import CUnwind

/// Memory of 4096 bytes for one step of setup, given back at its end.
///
/// `withUnsafeTemporaryAllocation` would need the Swift runtime, and the heap is the service's.
@safe struct ScratchPage: ~Copyable {
  /// Nil where the process has no memory left.
  let bytes: UnsafeMutablePointer<UInt8>?

  static var byteCount: Int { 4096 }

  init() {
    unsafe bytes = unsafe dc_map(UInt64(Self.byteCount))?.assumingMemoryBound(to: UInt8.self)
  }

  deinit {
    if let bytes = unsafe bytes { unsafe dc_unmap(bytes, UInt64(Self.byteCount)) }
  }
}
