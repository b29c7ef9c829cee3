import Foundation
package import Report

extension SampleReport {
  /// The server ten minutes later: more workers, two of them stuck, another build of the executable, a connection leak.
  package static func laterServer() -> DumpReport {
    var report = server()
    report.time = report.time.map { $0 + 600 }
    report.captureFile = "/var/lib/shop/dumps/shop.4711.20260301T091500Z.2.dcap"
    // Two new workers; of the old ones two worked, one ended.
    for index in 1...2 { report.threads[index].cpuUser = .seconds(31) }
    report.threads.remove(at: 4)
    for id in [4801, 4802, 4803] as [Int32] {
      var worker = report.threads[1]
      worker.threadID = id
      worker.name = "worker-\(id - 4780)"
      worker.cpuUser = .zero
      worker.startTime = report.time.map { $0 - 100 }
      report.threads.append(worker)
    }
    // The busy one went on elsewhere: to a lock that its function takes on another line.
    let busy = report.threads.firstIndex { $0.threadID == 4716 } ?? 0
    report.frames.append(report.frames[1])
    report.frames[report.frames.count - 1].function = "pthread_mutex_lock"
    report.stacks.append([0, report.frames.count - 1, 11, 2, 3, 4])
    report.threads[busy].stack = report.stacks.count - 1
    report.threads[busy].state = .sleeping
    report.threads[busy].systemCall = "futex"
    report.threads[busy].cpuUser = .seconds(640)
    report.threads[busy].cpuSystem = .seconds(3)
    report.threads[0].cpuSystem = .zero
    report.descriptors[0].count += 400
    report.descriptors[2].count -= 1
    report.descriptors.append(DescriptorCount(kind: "deleted-file", count: 1))
    report.connections[0].count += 400
    report.connections.remove(at: 1)
    report.sockets?.tcp += 400
    report.process.vitals?.residentBytes = 210 << 20
    report.modules[2].buildID = "99"
    report.modules.append(
      ReportModule(path: "/opt/shop/lib/fresh.so", buildID: "ab", base: 0x1000, end: 0x2000)
    )
    var note = ReportNote(text: "pool is full \u{1b}[31m")
    note.time = report.time.map { $0 - 1 }
    note.threadID = 4711
    report.notes.append(note)
    report.findings = [Finding(kind: "lock-contention", text: "4 threads wait for one mutex")]
    return report
  }

  /// The bank a minute later: forty more leaked tasks, of those before some have ended.
  package static func laterTasks() -> (old: DumpReport, new: DumpReport) {
    var old = tasks()
    old.time = Date(timeIntervalSince1970: 1_772_355_900)
    old.process.startTime = Date(timeIntervalSince1970: 1_772_355_000)
    var new = old
    new.time = old.time.map { $0 + 60 }
    new.tasks.removeAll { (110..<120).contains($0.id) }
    guard let leaked = new.tasks.first(where: { $0.id == 105 }) else { return (old, new) }
    for id in 200..<240 as Range<UInt64> {
      var task = leaked
      task.id = id
      task.address = 0x7f99_0000 + id * 256
      new.tasks.append(task)
    }
    return (old, new)
  }
}
