import FoundationEssentials
import GRDB

/// Writes one report into one empty database: one transaction, one prepared statement a table.
struct ArchiveWriter {
  let report: DumpReport

  init(_ report: DumpReport) {
    self.report = report
  }

  /// Fills the empty file at `path`.
  ///
  /// Whoever calls renames it afterwards, so neither journal nor syncing is needed here.
  func write(toEmptyFileAt path: String) throws {
    var configuration = Configuration()
    configuration.prepareDatabase { database in
      try database.execute(sql: "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
    }
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.write { database in
      try createTables(database)
      try writeCapture(database)
      try writeProcess(database)
      try writeModules(database)
      try writeFrames(database)
      try writeStacks(database)
      try writeThreads(database)
      try writeWaits(database)
      try writeTasks(database)
      try writeFindings(database)
      try writeProcessState(database)
    }
    try queue.close()
  }

  private func createTables(_ database: Database) throws {
    try database.execute(sql: "PRAGMA application_id = \(ArchiveSchema.applicationID)")
    try database.execute(sql: "PRAGMA user_version = \(ArchiveSchema.version)")
    for table in ArchiveSchema.tables { try database.execute(sql: table.definition) }
    for view in ArchiveSchema.views { try database.execute(sql: view) }
  }

  private func writeCapture(_ database: Database) throws {
    try database.insert(
      "capture",
      [
        0, report.kind.rawValue, report.reason, report.time.flatMap(archived), report.isComplete,
        report.captureFile, report.message, report.crashedThreadID, report.signal?.number,
        report.signal?.code, report.signal?.address.map(signed), report.signal?.senderProcessID,
      ]
    )
    try database.insertAll("problems", report.problems.enumerated().lazy.map { [$0, $1] })
  }

  private func writeProcess(_ database: Database) throws {
    let process = report.process
    try database.insert(
      "process",
      [
        0, process.processID, process.name, process.executable, process.userID,
        process.startTime.flatMap(archived), process.host, process.cgroup, process.kernel,
        process.threadCount,
      ]
    )
    try database.insertAll(
      "process_arguments",
      process.arguments.enumerated().lazy.map { [$0, $1] }
    )
  }

  private func writeModules(_ database: Database) throws {
    try database.insertAll(
      "modules",
      report.modules.enumerated().lazy.map { id, module in
        [
          id, module.path, module.buildID, signed(module.base), signed(module.end),
          module.status.rawValue, module.debugFile, module.reason,
        ]
      }
    )
  }

  private func writeFrames(_ database: Database) throws {
    try database.insertAll(
      "frames",
      report.frames.enumerated().lazy.map { id, frame in
        [
          id, signed(frame.address), frame.module, frame.offset.map(signed), frame.function,
          frame.linkage, frame.shortFunction, frame.file, frame.line, frame.column,
          frame.isInlined, frame.isSignalFrame, frame.isAsync, frame.isRuntime,
          frame.origin?.rawValue, frame.unknown,
        ]
      }
    )
    try database.insertAll(
      "frame_aliases",
      report.frames.enumerated().lazy.flatMap { id, frame in
        frame.aliases.enumerated().lazy.map { [id, $0, $1] }
      }
    )
  }

  private func writeStacks(_ database: Database) throws {
    var fingerprinter = StackFingerprinter(report)
    // SQLite takes the array apart: one call a stack instead of one a frame, five times as quick.
    let statement = try database.makeStatement(
      sql: """
        INSERT INTO stack_frames (stack_id, position, frame_id)
        SELECT ?1, key, value FROM json_each(?2)
        """
    )
    for (id, stack) in report.stacks.enumerated() {
      try database.insert("stacks", [id, fingerprinter.fingerprint(ofStack: id).text])
      let frames = "[" + stack.map(String.init).joined(separator: ",") + "]"
      try statement.execute(arguments: [id, frames])
    }
  }

  private func writeThreads(_ database: Database) throws {
    try database.insertAll(
      "threads",
      report.threads.enumerated().lazy.map { id, thread in
        [
          id, thread.threadID, thread.name, thread.state?.rawValue, thread.status.rawValue,
          thread.reason, thread.cpuUser.map(nanoseconds), thread.cpuSystem.map(nanoseconds),
          thread.systemCall, thread.waitChannel, report.wait(of: thread)?.kind.rawValue,
          thread.truncated, thread.stack, thread.policy, thread.realtimePriority, thread.nice,
          thread.createdBy?.threadID, thread.createdBy?.name, thread.createdBy?.stack,
          thread.fatalSignal?.number, thread.fatalSignal?.code,
          thread.fatalSignal?.address.map(signed), thread.fatalSignal?.senderProcessID,
          thread.task.map(signed), thread.executor.map(signed),
          thread.startTime.flatMap(archived),
        ]
      }
    )
    for (id, thread) in report.threads.enumerated() {
      for (key, value) in thread.labels.sorted(by: { $0.key < $1.key }) {
        try database.insert("thread_labels", [id, key, value])
      }
      try database.insertAll(
        "thread_registers",
        thread.registers.enumerated().lazy.map { [id, $0, $1.name, signed($1.value)] }
      )
    }
  }

  private func writeFindings(_ database: Database) throws {
    for (id, finding) in report.findings.enumerated() {
      try database.insert("findings", [id, finding.kind, finding.text])
      try database.insertAll(
        "finding_threads",
        finding.threadIDs.enumerated().lazy.map { [id, $0, $1] }
      )
      try database.insertAll(
        "finding_tasks",
        finding.taskIDs.enumerated().lazy.map { [id, $0, signed($1)] }
      )
    }
  }

  func archived(_ date: Date) -> String? {
    Timestamp.text(date, fractionDigits: 9)
  }
}

/// SQLite's integers are signed: addresses keep their bits.
func signed(_ address: UInt64) -> Int64 {
  Int64(bitPattern: address)
}

/// Nanoseconds, at most 292 years of them.
func nanoseconds(_ duration: Duration) -> Int64 {
  let (seconds, attoseconds) = duration.components
  let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
  let (sum, overflowOfSum) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
  return overflow || overflowOfSum ? (seconds < 0 ? .min : .max) : sum
}

extension Database {
  typealias ArchiveRow = [(any DatabaseValueConvertible)?]

  func insert(_ table: String, _ row: ArchiveRow) throws {
    try insertAll(table, CollectionOfOne(row))
  }

  /// Inserts the rows with one prepared statement; a row has a value for each column.
  func insertAll(_ table: String, _ rows: some Sequence<ArchiveRow>) throws {
    var prepared: Statement?
    for row in rows {
      let statement =
        try prepared
        ?? makeStatement(
          sql: "INSERT INTO \(table) VALUES (\(row.map { _ in "?" }.joined(separator: ",")))"
        )
      prepared = statement
      try statement.execute(arguments: StatementArguments(row))
    }
  }
}
