import FoundationEssentials
import Report

extension PageData {
  /// Columns of threads: what they wait for, which lock that is and who holds it, and when they were created.
  mutating func writeWaits(_ json: inout JSONWriter) {
    let threads = report.threads
    let words = WaitWords(report)
    let locks = report.locks()
    var lockOfAddress: [UInt64: Int] = [:]
    for (index, lock) in locks.enumerated() { lockOfAddress[lock.address] = index }
    json.column("waitsFor", threads.map { strings.number(words.text(of: $0)) })
    json.column(
      "lock",
      threads.map { $0.waitsFor?.lock.flatMap { lockOfAddress[$0] } ?? StringTable.none }
    )
    json.column(
      "owner",
      threads.map { $0.waitsFor?.ownerThreadID.map(Int.init) ?? StringTable.none }
    )
    json.column("steady", threads.map { $0.waitsFor?.isSteady == true ? 1 : 0 }, absent: 0)
    json.wideColumn("started", threads.map { Self.milliseconds($0.startTime) })
  }

  /// The locks that threads wait for; who waits for which is a column of the threads.
  mutating func writeLocks(_ json: inout JSONWriter) {
    var readers: [UInt64: Int] = [:]
    for wait in report.threads.lazy.compactMap(\.waitsFor) {
      if let lock = wait.lock, readers[lock] == nil { readers[lock] = wait.readerCount }
    }
    json.key("locks")
    json.array(report.locks()) { json, lock in
      let type = lock.type.map { "\(visible($0)) " } ?? ""
      let name = lock.name.map { " \(quoted($0))" } ?? ""
      json.object { json in
        json.field("text", "\(type)\(lock.kind?.rawValue ?? "lock")\(name)")
        json.field("short", lock.name.map(visible))
        json.field("kind", lock.kind?.rawValue)
        json.field("address", address: lock.address)
        json.field("owner", lock.ownerThreadID)
        json.field("readers", readers[lock.address])
      }
    }
  }

  /// Since 1970; 0 where it is not known.
  private static func milliseconds(_ time: Date?) -> UInt64 {
    guard let time else { return 0 }
    let milliseconds = (time.timeIntervalSince1970 * 1000).rounded()
    return milliseconds > 0 && milliseconds < 1e15 ? UInt64(milliseconds) : 0
  }
}
