import Foundation
import TestSupport
import Testing

/// Captures that cannot be copied to where they are wanted.
struct UnkeptCaptureTests {
  let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  @Test func aFullDiskIsCalledOne() throws {
    let service = try ComparedService(in: directory)
    let result = try dumpcollect("dump", "\(service.processID)", "-o", "/dev/full")
    #expect(result.status == 2)
    #expect(
      result.errorText.contains("/dev/full: cannot write it: No space left on device"),
      "\(result.errorText)"
    )
  }

  @Test func aWatchThatCannotMoveItsCapturesSaysSoAndLeavesThem() throws {
    let service = try ComparedService(in: directory)
    let folder = directory.file("kept")
    try FileManager.default.createDirectory(
      atPath: folder,
      withIntermediateDirectories: false
    )
    // No file may become larger than 1,024 bytes.
    let watch =
      "'\(Products.dumpcollect)' watch \(service.processID) --interval 60ms --count 2 --keep '\(folder)'"
    let result = try run("bash", ["-c", "trap '' XFSZ; ulimit -f 1; exec \(watch)"])
    #expect(result.status == 1, "\(result.errorText)")
    #expect(result.errorText.contains(".dcap: stays where it is\n"), "\(result.errorText)")
    #expect(result.errorText.contains("cannot write it: File too large"), "\(result.errorText)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    let files = try FileManager.default.contentsOfDirectory(atPath: service.captures)
    #expect(files.count { $0.hasSuffix(".dcap") } == 2, "\(files)")
    for file in files where file.hasSuffix(".dcap") { #expect(result.text.contains(file)) }
  }
}
