import Foundation
import GRDB
import Report
import TestSupport
import Testing

/// Files that are no archive, or one that somebody changed.
struct ForeignArchiveTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func message(ofReading path: String) throws -> String {
    try #require(throws: ReportArchiveError.self) { _ = try ReportArchive.read(at: path) }
      .description
  }

  @Test func aMissingFileIsNamed() throws {
    let text = try message(ofReading: directory.file("none"))
    #expect(text.contains("none: cannot open the report: No such file or directory"))
  }

  @Test func anEmptyFileIsCalledEmpty() throws {
    let text = try message(ofReading: try directory.write("", to: "e.dcreport"))
    #expect(text.contains("is empty"))
    #expect(text.contains("dumpcollect symbolize"))
  }

  @Test func aFolderIsCalledAFolder() throws {
    #expect(try message(ofReading: directory.path).contains("is a directory"))
  }

  @Test func anotherKindOfFileIsForeign() throws {
    let path = try directory.write(String(repeating: "hello ", count: 100), to: "x.txt")
    #expect(try message(ofReading: path).contains("offset 0: expected an SQLite database"))
  }

  @Test func aCaptureIsToldFromAReport() throws {
    let path = directory.file("x.dcap")
    try Data([0x44, 0x43, 0x41, 0x50, 0x0d, 0x0a, 0x1a, 0x0a, 1, 0]).write(
      to: URL(fileURLWithPath: path)
    )
    let text = try message(ofReading: path)
    #expect(text.contains("is a capture"))
    #expect(text.contains("dumpcollect symbolize \(path)"))
  }

  @Test func anotherProgramsDatabaseIsForeign() throws {
    let path = directory.file("other.db")
    let queue = try DatabaseQueue(path: path)
    try queue.write { try $0.execute(sql: "CREATE TABLE capture (id)") }
    try queue.close()
    #expect(try message(ofReading: path).contains("database of another program"))
  }

  @Test func aNewerSchemaIsNotGuessedAt() throws {
    let path = try changed("PRAGMA user_version = 7")
    let text = try message(ofReading: path)
    #expect(text.contains("written by a newer dumpcollect (schema 7, this one reads up to 5)"))
  }

  @Test func anOlderSchemaIsNamedWithTheWayOut() throws {
    let path = try changed("PRAGMA user_version = 1")
    let text = try message(ofReading: path)
    #expect(text.contains("written by an older dumpcollect (schema 1, this one reads 5)"))
    #expect(text.contains("dumpcollect symbolize CAPTURE"))
  }

  @Test(arguments: [
    ("UPDATE threads SET stack_id = 99 WHERE id = 0", "table threads, row 0, column 12"),
    ("UPDATE threads SET stack_id = -1 WHERE id = 3", "table threads, row 3, column 12"),
    ("UPDATE threads SET creator_stack_id = 99 WHERE id = 1", "table threads, row 1, column 18"),
    ("UPDATE frames SET module_id = 3 WHERE id = 1", "table frames, row 1, column 2"),
    ("UPDATE frame_aliases SET position = 9 WHERE position = 4", "position 4"),
    ("UPDATE frame_aliases SET frame_id = -1 WHERE position = 4", "frame_aliases"),
    ("UPDATE stack_frames SET frame_id = 14 WHERE stack_id = 1 AND position = 0", "stack_frames"),
    ("UPDATE stack_frames SET position = 9 WHERE stack_id = 1 AND position = 0", "position 0"),
    ("DELETE FROM frames WHERE id = 2", "expected id 2"),
    ("UPDATE frames SET id = 4000000000 WHERE id = 11", "expected id 11"),
    ("UPDATE threads SET state = 'dancing' WHERE id = 1", "expected one of running"),
    ("UPDATE threads SET tid = 1 << 40 WHERE id = 1", "expected an integer of 32 bits"),
    ("UPDATE frames SET line = -1 WHERE id = 2", "expected an integer of 32 bits"),
    ("UPDATE capture SET complete = 2", "expected 0 or 1"),
    ("UPDATE capture SET time = 'yesterday'", "expected a time"),
    ("DELETE FROM capture", "table capture: expected one row, found 0"),
    ("DROP TABLE findings", "no table findings"),
    ("ALTER TABLE modules ADD COLUMN more TEXT", "table modules is not the one of schema 5"),
    (
      "DROP VIEW thread_view; DROP VIEW group_view; ALTER TABLE threads RENAME TO t; CREATE VIEW threads AS WITH RECURSIVE c(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM c) SELECT * FROM c",
      "table threads is not the one of schema 5"
    ),
  ])
  func aChangedArchiveIsRefusedWithThePlace(_ change: String, _ expected: String) throws {
    let path = try changed(change)
    let text = try message(ofReading: path)
    #expect(text.contains("damaged report archive: "))
    #expect(text.contains(expected), "\(text)")
  }

  @Test func otherPeoplesTablesAndViewsBesideOursDoNotMatter() throws {
    let path = try changed("CREATE TABLE remarks (text); CREATE INDEX mine ON threads (name)")
    #expect(try ReportArchive.read(at: path) == SampleReport.server())
  }

  @Test func aCutArchiveIsRefusedAtEveryPlace() throws {
    let path = directory.file("whole.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let cut = directory.file("cut.dcreport")
    for count in stride(from: 0, to: bytes.count, by: 211) {
      try bytes.prefix(count).write(to: URL(fileURLWithPath: cut))
      #expect(throws: ReportArchiveError.self, "cut after \(count) bytes") {
        _ = try ReportArchive.read(at: cut)
      }
    }
  }

  @Test(arguments: [UInt64(1), 2, 3, 4])
  func flippedBytesNeverTrapAndNeverHang(_ seed: UInt64) throws {
    let path = directory.file("whole.dcreport")
    try ReportArchive.write(SampleReport.crash(), to: path)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let changed = directory.file("changed.dcreport")
    var readable = 0
    for _ in 0..<150 {
      var copy = bytes
      for _ in 0...next(20) { copy[next(copy.count)] = UInt8(next(256)) }
      try copy.write(to: URL(fileURLWithPath: changed))
      // Either a report or the module's own error; anything else fails the test.
      do throws(ReportArchiveError) {
        _ = try ReportArchive.read(at: changed)
        readable += 1
      } catch {
        #expect(error.file == changed)
      }
    }
    #expect(readable > 0, "most flips hit free space: some archives must stay readable")
  }

  /// The sample's archive after a statement, with foreign keys off so that it can be made wrong.
  private func changed(_ statement: String) throws -> String {
    let path = directory.file("changed.dcreport")
    try ReportArchive.write(SampleReport.server(), to: path)
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    try queue.write { try $0.execute(sql: "PRAGMA legacy_alter_table = ON; " + statement) }
    try queue.close()
    return path
  }
}
