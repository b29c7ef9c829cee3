import GRDB

extension ArchiveWriter {
  /// What the threads wait for: a row for each of which more is known than its call.
  func writeWaits(_ database: Database) throws {
    let waits = report.threads.enumerated().lazy.compactMap { id, thread in
      thread.waitsFor.map { (id: id, wait: $0) }
    }
    try database.insertAll(
      "thread_waits",
      waits.map { id, wait in
        [
          id, wait.kind?.rawValue, wait.lock.map(signed), wait.lockName, wait.lockType,
          wait.ownerThreadID, wait.isSteady, wait.readerCount, wait.note, wait.childProcessID,
          wait.timeout.map(nanoseconds), wait.moreDescriptors,
        ]
      }
    )
    try database.insertAll(
      "wait_descriptors",
      waits.flatMap { id, wait in
        wait.descriptors.enumerated().lazy.map { position, descriptor in
          [
            id, position, descriptor.number, descriptor.kind, descriptor.local, descriptor.peer,
            descriptor.path,
          ]
        }
      }
    )
  }
}
