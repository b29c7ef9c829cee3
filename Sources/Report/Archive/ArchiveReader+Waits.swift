import GRDB

extension ArchiveReader {
  /// What the threads wait for.
  func readWaits(_ database: Database, into report: inout DumpReport) throws {
    try each(
      "SELECT * FROM thread_waits ORDER BY thread_id",
      "thread_waits",
      database
    ) { (row) throws(ArchiveDamage) in
      let thread = try row.index(0, below: report.threads.count)
      guard report.threads[thread].waitsFor == nil else { throw row.expected("a thread once", 0) }
      var wait = WaitTarget()
      wait.kind = try row.optionalWord(1)
      wait.lock = try row.optionalAddress(2)
      wait.lockName = try row.optionalText(3)
      wait.lockType = try row.optionalText(4)
      wait.ownerThreadID = try row.optionalInteger(5)
      wait.isSteady = try row.flag(6)
      wait.readerCount = try row.optionalInteger(7)
      wait.note = try row.optionalText(8)
      wait.childProcessID = try row.optionalInteger(9)
      wait.timeout = try row.optionalInteger(10, as: Int64.self).map { .nanoseconds($0) }
      wait.moreDescriptors = try row.integer(11)
      report.threads[thread].waitsFor = wait
    }
    try each(
      "SELECT * FROM wait_descriptors ORDER BY thread_id, position",
      "wait_descriptors",
      database
    ) { (row) throws(ArchiveDamage) in
      let thread = try row.index(0, below: report.threads.count)
      guard let count = report.threads[thread].waitsFor?.descriptors.count else {
        throw row.expected("a thread that waits", 0)
      }
      try row.requirePosition(count, 1)
      var descriptor = WaitDescriptor(number: try row.integer(2))
      descriptor.kind = try row.optionalText(3)
      descriptor.local = try row.optionalText(4)
      descriptor.peer = try row.optionalText(5)
      descriptor.path = try row.optionalText(6)
      report.threads[thread].waitsFor?.descriptors.append(descriptor)
    }
  }
}
