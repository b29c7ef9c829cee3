import CUnwind

/// As in `dumpcollect.h`.
@c @implementation
public func dumpcollect_set_label(_ key: UnsafePointer<CChar>?, _ value: UnsafePointer<CChar>?)
  -> Int32
{
  guard let home = unsafe dc_get_home(), unsafe home.pointee.armed != 0 else {
    return 0 &- ErrorNumber.notConnected
  }
  guard let key = unsafe key, unsafe key.pointee != 0 else { return 0 &- ErrorNumber.invalid }
  guard let owner = unsafe ownLabels(home) else { return 0 &- ErrorNumber.noSpace }
  guard let label = unsafe place(in: owner, key: key, isRemoval: value == nil) else {
    return unsafe value == nil ? 0 : 0 &- ErrorNumber.noSpace
  }
  let version = unsafe dc_label_owner_version(owner)
  unsafe dc_add32(version, 1)
  if let value = unsafe value {
    unsafe put(key, into: dc_label_key(label), 32)
    unsafe put(value, into: dc_label_value(label), 128)
  } else {
    unsafe dc_label_key(label).pointee = 0
  }
  unsafe dc_add32(version, 1)
  return 0
}

/// The calling thread's entry, looked up at its first label and kept in a variable of the thread.
private func ownLabels(_ home: Home) -> UnsafeMutablePointer<dc_label_owner>? {
  let tid = dc_gettid()
  let own = unsafe dc_own_labels()
  // After a fork the variable still shows the entry of the thread that forked.
  if let known = unsafe own?.pointee, unsafe known.pointee.tid == tid { return unsafe known }
  if unsafe home.pointee.labels == nil {
    guard
      let memory = unsafe dc_reserve(UInt64(dc_label_owners &* MemoryLayout<dc_label_owner>.stride))
    else { return nil }
    let word = UInt64(UInt(bitPattern: memory))
    // Two threads may be here at once: one table stays, the other one was never touched.
    if unsafe dc_claim64(dc_home_labels(home), 0, word) == 0 {
      unsafe dc_unmap(memory, UInt64(dc_label_owners &* MemoryLayout<dc_label_owner>.stride))
    }
  }
  guard let table = unsafe LabelTable(home) else { return nil }
  let owner = unsafe table.claim(tid, pid: dc_getpid(), startTicks: ownStartTicks())
  unsafe own?.pointee = unsafe owner
  return unsafe owner
}

/// Field 22 of the thread's own stat file: an entry must not pass to a later thread with the same id.
private func ownStartTicks() -> UInt64 {
  let descriptor = openText("/proc/thread-self/stat")
  guard descriptor >= 0 else { return 0 }
  defer { dc_close(descriptor) }
  let page = ScratchPage()
  guard let bytes = unsafe page.bytes else { return 0 }
  let count = unsafe dc_read(descriptor, bytes, 512)
  var close = count &- 1
  while close > 0, unsafe bytes[close] != 0x29 { close &-= 1 }
  guard close > 0 else { return 0 }
  var fields = unsafe FieldReader(bytes, from: close &+ 1, to: count)
  fields.skip(19)
  return fields.nextDecimal()
}

/// The label with this key, else a free one.
private func place(
  in owner: UnsafeMutablePointer<dc_label_owner>,
  key: UnsafePointer<CChar>,
  isRemoval: Bool
) -> UnsafeMutablePointer<dc_label>? {
  var free: UnsafeMutablePointer<dc_label>?
  var index: UInt32 = 0
  while index < UInt32(truncatingIfNeeded: dc_labels_a_thread) {
    let label = unsafe dc_owner_label(owner, index)
    index &+= 1
    if unsafe dc_label_key(label).pointee == 0 {
      if unsafe free == nil { unsafe free = unsafe label }
    } else if unsafe isSame(dc_label_key(label), key) {
      return unsafe label
    }
  }
  return unsafe isRemoval ? nil : free
}

/// Compares as far as a key is kept.
private func isSame(_ kept: UnsafePointer<CChar>, _ key: UnsafePointer<CChar>) -> Bool {
  var index = 0
  while index < 31 {
    if unsafe kept[index] != key[index] { return false }
    if unsafe kept[index] == 0 { return true }
    index &+= 1
  }
  return true
}

private func put(
  _ text: UnsafePointer<CChar>,
  into field: UnsafeMutablePointer<CChar>,
  _ capacity: Int
) {
  var builder = unsafe TextBuilder(field, capacity: capacity)
  unsafe builder.append(cString: text)
  _ = unsafe builder.terminated()
}
