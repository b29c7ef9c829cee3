import CaptureFormat
import Foundation
import Glibc
import Testing
import TestSupport

@Test func anEmptyFileIsCalledEmpty() throws {
  let directory = try TemporaryDirectory()
  let path = try directory.write("", to: "empty.dcap")
  let error = try #require(
    #expect(throws: CaptureError.self) { try CaptureReader.capture(at: path) }
  )
  #expect(error.kind == .empty)
  #expect(
    "\(error)".hasPrefix("\(path): offset 0: expected a capture file, found an empty file\n  "),
    "\(error)"
  )
}

@Test(arguments: [
  ("#!/bin/sh\nexit 0\n", "found 23 21 2f 62 69 6e 2f 73", "*.dcap"),
  ("SQLite format 3\0 and more", "found a SQLite database", "dumpcollect report FILE"),
  ("\u{7f}ELF\u{2}\u{1}\u{1}", "found an ELF file", "dumpcollect dump PID"),
  ("DCAP\n\u{1a}\n and more of it", "line ends were changed", "binary mode"),
  ("x", "found 78", "*.dcap"),
]) func aForeignFileIsNamedForWhatItIs(text: String, found: String, hint: String) throws {
  let error = try #require(#expect(throws: CaptureError.self) { try read(Array(text.utf8)) })
  #expect(error.kind == .foreign)
  #expect(error.problem.hasPrefix("offset 0: expected a capture file"), "\(error)")
  #expect(error.problem.contains(found), "\(error)")
  #expect(error.hint?.contains(hint) == true, "\(error)")
}

@Test func aLargeForeignFileIsNotReadToItsEnd() throws {
  // It has no end.
  let error = try #require(
    #expect(throws: CaptureError.self) { try CaptureReader.capture(at: "/dev/zero") }
  )
  #expect(error.kind == .foreign)
}

@Test func aNewerVersionIsNamedWithWhatToUse() throws {
  let error = try #require(
    #expect(throws: CaptureError.self) { try read(CaptureBytes(version: 2).bytes) }
  )
  #expect(error.kind == .version(2))
  #expect(error.problem == "offset 8: expected version 1, found 2")
  #expect(error.hint != nil)
}

@Test func aFileWithoutAWholeRecordSaysWhatWasExpected() throws {
  var file = CaptureBytes()
  file.add(raw: [0x45, 0x52, 0x43, 0x44, 1, 0, 0, 0, 9])
  let error = try #require(#expect(throws: CaptureError.self) { try read(file.bytes) })
  #expect(error.kind == .empty)
  #expect(
    error.problem
      == "offset 16: expected a record of 16 bytes, found 9 (file cut short?); 9 bytes skipped"
  )
}

@Test func aMissingFileADirectoryAndATerminalAreRefusedByName() throws {
  let directory = try TemporaryDirectory()
  let missing = directory.file("none.dcap")
  var error = try #require(
    #expect(throws: CaptureError.self) { try CaptureReader.capture(at: missing) }
  )
  #expect(error.kind == .unreadable(ENOENT))
  #expect("\(error)".hasPrefix("\(missing): no such file or directory\n"), "\(error)")

  error = try #require(
    #expect(throws: CaptureError.self) { try CaptureReader.capture(at: directory.path) }
  )
  #expect(error.kind == .unreadable(EISDIR))
  #expect("\(error)".contains("is a directory"), "\(error)")

  var controller: Int32 = -1
  var terminal: Int32 = -1
  try #require(openpty(&controller, &terminal, nil, nil, nil) == 0)
  defer {
    close(controller)
    close(terminal)
  }
  let name = "/dev/fd/\(terminal)"
  error = try #require(#expect(throws: CaptureError.self) { try CaptureReader.capture(at: name) })
  #expect("\(error)".contains("found a terminal"), "\(error)")
}
