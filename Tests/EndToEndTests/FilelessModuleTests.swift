import Foundation
import TestSupport
import Testing

/// Modules of a service whose files are not there: the vDSO, which never had one, and a program that was deleted.
@Suite struct FilelessModuleTests {
  private let directory: TemporaryDirectory
  private let program: String
  private let service: RunningProgram

  init() throws {
    directory = try TemporaryDirectory()
    program = try Fixture.build(
      ["handler/clock.c"],
      compiler: "gcc",
      arguments: ["-g", "-O1", "-Wl,--build-id"] + Handler.compileArguments
        + Handler.linkArguments,
      into: directory,
      named: "clock"
    )
    service = try RunningProgram(
      program,
      environment: ["DUMPCOLLECT": "directory=\(directory.path),min-interval=none"]
    )
    try service.wait(for: "ready")
  }

  private func capture() throws -> String {
    try runSuccessfully(
      Products.dumpcollect,
      ["dump", "\(service.processID)", "--timeout", "60s"]
    ).trimmingCharacters(in: .newlines)
  }

  private func report(_ capture: String, _ options: [String] = []) throws -> ReportDocument {
    let result = try run(
      Products.dumpcollect,
      ["report", "--format", "json", capture] + options
    )
    return try ReportDocument(json: result.output)
  }

  private func end() {
    service.closeInput()
    #expect(service.waitForExit() == 0)
  }

  @Test func aThreadThatAsksForTheTimeIsInTheKernelsCode() throws {
    // Where a thread is at that moment nobody can say; most of the time they are in there.
    for _ in 0..<40 {
      let report = try report(try capture())
      for frames in report.threads.compactMap(\.frames) {
        guard let first = frames.firstIndex(where: { $0.module == "[vdso]" }) else { continue }
        let names = frames[first...].map { $0.function ?? "?" }
        #expect(names[0].hasSuffix("clock_gettime"), "\(names)")
        let caller = try #require(names.firstIndex(of: "watch_the_clock"), "\(names)")
        // libc's function stands between, where it is not a jump.
        #expect(caller <= 2 && frames[first + caller].file?.hasSuffix("handler/clock.c") == true)
        let module = try #require(report.modules.first { $0.path == "[vdso]" })
        #expect(module.status == "symbols")
        return end()
      }
    }
    Issue.record("no capture of 40 found a thread in the vDSO")
  }

  @Test func aProgramThatWasDeletedIsFoundByItsBuildIDElseSaidToBeDeleted() throws {
    let note = try runSuccessfully("readelf", ["-n", program])
    let id = try #require(note.firstMatch(of: /Build ID: ([0-9a-f]+)/)?.1)
    let folder = directory.file("debug/.build-id/\(id.prefix(2))")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: program,
      toPath: "\(folder)/\(id.dropFirst(2)).debug"
    )
    try FileManager.default.removeItem(atPath: program)
    func module(_ report: ReportDocument) throws -> ReportDocument.Module {
      try #require(report.modules.first { $0.path == program }, "\(report.modules)")
    }
    func main(_ report: ReportDocument) -> ReportDocument.Frame? {
      report.threads.compactMap(\.frames).joined().first { $0.function == "main" }
    }
    let gone = try capture()
    let without = try report(gone)
    #expect(try module(without).reason?.contains("the file was deleted since") == true)
    #expect(main(without) == nil)
    let options = ["--debug-dir", directory.file("debug")]
    #expect(main(try report(gone, options))?.file?.hasSuffix("handler/clock.c") == true)
    try FileManager.default.copyItem(atPath: "/bin/true", toPath: program)
    let replaced = try report(gone)
    #expect(try module(replaced).reason?.contains("file replaced since: build ID") == true)
    #expect(main(replaced) == nil)
    #expect(main(try report(gone, options))?.file?.hasSuffix("handler/clock.c") == true)
    end()
  }
}
