import FoundationEssentials
import GRDB
import Glibc

/// Reads an archive back into the report it was written from.
///
/// The file may come from anybody. Tables must be defined word for word as ours are, ids must count up
/// from 0 without a gap (so a file whose pages refer to each other in circles ends at once), every index
/// is checked against the table it points into.
struct ArchiveReader {
  private let queue: DatabaseQueue

  /// Opens the archive read-only.
  init(path: String, byteCount: Int) throws {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.prepareDatabase { database in
      try database.execute(
        sql: """
          PRAGMA trusted_schema = OFF;
          PRAGMA cell_size_check = ON;
          PRAGMA mmap_size = 0;
          """
      )
    }
    // A slash keeps SQLite from seeing more than a path in it (":memory:").
    queue = try DatabaseQueue(
      path: path.hasPrefix("/") ? path : "./" + path,
      configuration: configuration
    )
  }

  /// The whole report.
  func report() throws -> DumpReport {
    try queue.read { database in
      try checkTables(database)
      var report = DumpReport()
      try readCapture(database, into: &report)
      try readProcess(database, into: &report)
      report.modules = try all("modules", database, module)
      let moduleCount = report.modules.count
      report.frames = try all("frames", database) { (row) throws(ArchiveDamage) in
        try frame(row, moduleCount: moduleCount)
      }
      try readAliases(database, into: &report)
      try readStacks(database, into: &report)
      try readThreads(database, into: &report)
      try readWaits(database, into: &report)
      try readTasks(database, into: &report)
      try readFindings(database, into: &report)
      try readProcessState(database, into: &report)
      return report
    }
  }

  private func checkTables(_ database: Database) throws {
    for table in ArchiveSchema.tables {
      let found = try Row.fetchAll(
        database,
        sql: "SELECT type, sql FROM sqlite_schema WHERE name = ? LIMIT 2",
        arguments: [table.name]
      )
      guard let row = found.first, found.count == 1 else {
        throw ArchiveDamage("no table \(table.name)")
      }
      let schema = ArchiveRow(row, table: "sqlite_schema", number: 0)
      guard try schema.text(0) == "table", try schema.optionalText(1) == table.definition else {
        throw ArchiveDamage("table \(table.name) is not the one of schema \(ArchiveSchema.version)")
      }
    }
  }

  // MARK: Tables

  private func readCapture(_ database: Database, into report: inout DumpReport) throws {
    let row = try only("capture", database)
    report.kind = try row.word(1)
    report.reason = try row.optionalText(2)
    report.time = try date(row, 3)
    report.isComplete = try row.flag(4)
    report.captureFile = try row.optionalText(5)
    report.message = try row.optionalText(6)
    report.crashedThreadID = try row.optionalInteger(7)
    report.signal = try signal(row, from: 8)
    report.problems = try all("problems", database) { (row) throws(ArchiveDamage) in
      try row.text(1)
    }
  }

  private func readProcess(_ database: Database, into report: inout DumpReport) throws {
    let row = try only("process", database)
    var process = ReportProcess()
    process.processID = try row.optionalInteger(1)
    process.name = try row.optionalText(2)
    process.executable = try row.optionalText(3)
    process.userID = try row.optionalInteger(4)
    process.startTime = try date(row, 5)
    process.host = try row.optionalText(6)
    process.cgroup = try row.optionalText(7)
    process.kernel = try row.optionalText(8)
    process.threadCount = try row.optionalInteger(9)
    process.arguments = try all("process_arguments", database) { (row) throws(ArchiveDamage) in
      try row.text(1)
    }
    report.process = process
  }

  private func module(_ row: ArchiveRow) throws(ArchiveDamage) -> ReportModule {
    var module = ReportModule(
      path: try row.text(1),
      buildID: try row.optionalText(2),
      base: try row.address(3),
      end: try row.address(4)
    )
    module.status = try row.word(5)
    module.debugFile = try row.optionalText(6)
    module.reason = try row.optionalText(7)
    return module
  }

  private func frame(_ row: ArchiveRow, moduleCount: Int) throws(ArchiveDamage) -> Frame {
    var frame = Frame(address: try row.address(1))
    frame.module = try row.optionalIndex(2, below: moduleCount)
    frame.offset = try row.optionalAddress(3)
    frame.function = try row.optionalText(4)
    frame.linkage = try row.optionalText(5)
    frame.shortFunction = try row.optionalText(6)
    frame.file = try row.optionalText(7)
    frame.line = try row.optionalInteger(8)
    frame.column = try row.optionalInteger(9)
    frame.isInlined = try row.flag(10)
    frame.isSignalFrame = try row.flag(11)
    frame.isAsync = try row.flag(12)
    frame.isRuntime = try row.flag(13)
    frame.origin = try row.optionalWord(14)
    frame.unknown = try row.optionalText(15)
    return frame
  }

  private func readAliases(_ database: Database, into report: inout DumpReport) throws {
    try each(
      "SELECT frame_id, position, name FROM frame_aliases ORDER BY frame_id, position",
      "frame_aliases",
      database
    ) { (row) throws(ArchiveDamage) in
      let frame = try row.index(0, below: report.frames.count)
      try row.requirePosition(report.frames[frame].aliases.count, 1)
      report.frames[frame].aliases.append(try row.text(2))
    }
  }

  private func readStacks(_ database: Database, into report: inout DumpReport) throws {
    // The fingerprint is for people; who reads makes it again from the frames.
    report.stacks = try all("stacks", database) { _ throws(ArchiveDamage) in [] }
    let frameCount = report.frames.count
    try each(
      "SELECT stack_id, position, frame_id FROM stack_frames ORDER BY stack_id, position",
      "stack_frames",
      database
    ) { (row) throws(ArchiveDamage) in
      let stack = try row.index(0, below: report.stacks.count)
      try row.requirePosition(report.stacks[stack].count, 1)
      report.stacks[stack].append(try row.index(2, below: frameCount))
    }
  }

  private func readThreads(_ database: Database, into report: inout DumpReport) throws {
    let stackCount = report.stacks.count
    report.threads = try all("threads", database) { (row) throws(ArchiveDamage) in
      try thread(row, stackCount: stackCount)
    }
    var last: (thread: Int, key: String) = (-1, "")
    try each(
      "SELECT thread_id, key, value FROM thread_labels ORDER BY thread_id, key",
      "thread_labels",
      database
    ) { (row) throws(ArchiveDamage) in
      let thread = try row.index(0, below: report.threads.count)
      let key = try row.text(1)
      guard last.thread < thread || report.threads[thread].labels[key] == nil else {
        throw row.expected("a key once", 1)
      }
      last = (thread, key)
      report.threads[thread].labels[key] = try row.text(2)
    }
    try readRegisters(database, into: &report)
  }

  private func readRegisters(_ database: Database, into report: inout DumpReport) throws {
    try each(
      "SELECT thread_id, position, name, value FROM thread_registers ORDER BY thread_id, position",
      "thread_registers",
      database
    ) { (row) throws(ArchiveDamage) in
      let thread = try row.index(0, below: report.threads.count)
      try row.requirePosition(report.threads[thread].registers.count, 1)
      report.threads[thread].registers.append(
        ThreadRegister(name: try row.text(2), value: try row.address(3))
      )
    }
  }

  private func thread(_ row: ArchiveRow, stackCount: Int) throws(ArchiveDamage) -> ReportThread {
    var thread = ReportThread(threadID: try row.integer(1))
    thread.name = try row.optionalText(2)
    thread.state = try row.optionalWord(3)
    thread.status = try row.word(4)
    thread.reason = try row.optionalText(5)
    thread.cpuUser = try row.optionalInteger(6, as: Int64.self).map { .nanoseconds($0) }
    thread.cpuSystem = try row.optionalInteger(7, as: Int64.self).map { .nanoseconds($0) }
    thread.systemCall = try row.optionalText(8)
    thread.waitChannel = try row.optionalText(9)
    // Column 10, the kind of wait, is for people: it follows from the rest.
    thread.truncated = try row.optionalText(11)
    thread.stack = try row.optionalIndex(12, below: stackCount)
    thread.policy = try row.optionalText(13)
    thread.realtimePriority = try row.optionalInteger(14)
    thread.nice = try row.optionalInteger(15)
    if let creator = try row.optionalInteger(16, as: Int32.self) {
      thread.createdBy = ThreadCreator(threadID: creator)
      thread.createdBy?.name = try row.optionalText(17)
      thread.createdBy?.stack = try row.optionalIndex(18, below: stackCount)
    }
    thread.fatalSignal = try signal(row, from: 19)
    thread.task = try row.optionalAddress(23)
    thread.executor = try row.optionalAddress(24)
    thread.startTime = try date(row, 25)
    return thread
  }

  /// A signal of four columns: number, code, address, sender.
  private func signal(_ row: ArchiveRow, from column: Int) throws(ArchiveDamage) -> ReportSignal? {
    guard let number = try row.optionalInteger(column, as: Int32.self) else { return nil }
    var signal = ReportSignal(number: number, code: try row.integer(column + 1))
    signal.address = try row.optionalAddress(column + 2)
    signal.senderProcessID = try row.optionalInteger(column + 3)
    return signal
  }

  private func readFindings(_ database: Database, into report: inout DumpReport) throws {
    report.findings = try all("findings", database) { (row) throws(ArchiveDamage) in
      Finding(kind: try row.text(1), text: try row.text(2))
    }
    try each(
      "SELECT finding_id, position, tid FROM finding_threads ORDER BY finding_id, position",
      "finding_threads",
      database
    ) { (row) throws(ArchiveDamage) in
      let finding = try row.index(0, below: report.findings.count)
      try row.requirePosition(report.findings[finding].threadIDs.count, 1)
      report.findings[finding].threadIDs.append(try row.integer(2))
    }
    try each(
      "SELECT finding_id, position, task FROM finding_tasks ORDER BY finding_id, position",
      "finding_tasks",
      database
    ) { (row) throws(ArchiveDamage) in
      let finding = try row.index(0, below: report.findings.count)
      try row.requirePosition(report.findings[finding].taskIDs.count, 1)
      report.findings[finding].taskIDs.append(try row.address(2))
    }
  }

  // MARK: Rows

  func date(_ row: ArchiveRow, _ column: Int) throws(ArchiveDamage) -> Date? {
    guard let text = try row.optionalText(column) else { return nil }
    guard let date = Timestamp.date(text) else { throw row.expected("a time (RFC 3339)", column) }
    return date
  }

  private func only(_ table: String, _ database: Database) throws -> ArchiveRow {
    guard let row = try atMostOne(table, database) else {
      throw ArchiveDamage("table \(table): expected one row, found 0")
    }
    return row
  }

  /// Only for tables of one row: those that `each` copies.
  func atMostOne(_ table: String, _ database: Database) throws -> ArchiveRow? {
    let rows = try all(table, database) { row throws(ArchiveDamage) in row }
    guard rows.count <= 1 else {
      throw ArchiveDamage("table \(table): expected one row, found \(rows.count)")
    }
    return rows.first
  }

  /// The rows of a table whose ids count up from 0.
  func all<Value>(
    _ table: String,
    _ database: Database,
    _ value: (ArchiveRow) throws(ArchiveDamage) -> Value
  ) throws -> [Value] {
    var values: [Value] = []
    try each("SELECT * FROM \(table) ORDER BY id", table, database) { (row) throws(ArchiveDamage) in
      guard try row.integer(0, as: Int.self) == values.count else {
        throw row.expected("id \(values.count)", 0)
      }
      values.append(try value(row))
    }
    return values
  }

  /// Tables of one row: it is kept while others are read.
  private static let keptTables: Set = [
    "capture", "process", "vitals", "control_group", "sockets", "note_counts", "task_summary",
  ]

  func each(
    _ query: String,
    _ table: String,
    _ database: Database,
    _ body: (ArchiveRow) throws(ArchiveDamage) -> Void
  ) throws {
    let rows = try Row.fetchCursor(database, sql: query)
    var number = 0
    while let row = try rows.next() {
      try body(
        ArchiveRow(
          Self.keptTables.contains(table) ? row.copy() : row,
          table: table,
          number: number
        )
      )
      number += 1
    }
  }
}
