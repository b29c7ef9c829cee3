import Report

extension JSONReport {
  /// WAIT of the report format: what a thread waits for.
  func writeWait(_ json: inout JSONWriter, of thread: ReportThread) {
    guard let wait = report.wait(of: thread) else { return }
    json.key("wait")
    json.object { json in
      json.field("kind", wait.kind.rawValue)
      json.field("detail", wait.detail)
      if let target = thread.waitsFor { write(target, &json) }
    }
  }

  private func write(_ target: WaitTarget, _ json: inout JSONWriter) {
    json.field("lock", address: target.lock)
    json.field("lock_name", target.lockName)
    json.field("lock_type", target.lockType)
    json.field("owner_tid", target.ownerThreadID)
    if target.isSteady { json.field("steady", true) }
    json.field("readers", target.readerCount)
    json.field("note", target.note)
    json.field("child_pid", target.childProcessID)
    json.field("timeout_ms", target.timeout.map(milliseconds))
    guard !target.descriptors.isEmpty else { return }
    json.key("descriptors")
    json.array(target.descriptors) { json, descriptor in
      json.object { json in
        json.field("fd", descriptor.number)
        json.field("kind", descriptor.kind)
        json.field("local", descriptor.local)
        json.field("peer", descriptor.peer)
        json.field("path", descriptor.path)
      }
    }
    if target.moreDescriptors > 0 { json.field("more_descriptors", target.moreDescriptors) }
  }

  /// A lock that threads wait for.
  func lock(_ json: inout JSONWriter, _ lock: ReportLock) {
    json.object { json in
      json.field("address", address: lock.address)
      json.field("name", lock.name)
      json.field("kind", lock.kind?.rawValue)
      json.field("lock_type", lock.type)
      json.field("owner_tid", lock.ownerThreadID)
      json.key("waiter_tids")
      json.array(lock.waiterThreadIDs) { $0.number($1) }
    }
  }
}
