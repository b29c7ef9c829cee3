import TestSupport
import Testing

@testable import Resolving
@testable import dumpcollect

struct ServiceStateTests {
  /// A state file byte by byte, as the table of docs/state-file.md has it.
  private func bytes() -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 4096)
    func put(_ value: UInt64, _ count: Int, at offset: Int) {
      for index in 0..<count {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
      }
    }
    func put(_ text: String, at offset: Int) {
      bytes.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
    }
    put("DCSTATE\u{1}", at: 0)
    put(4096, 4, at: 8)
    put(77, 4, at: 12)
    put(123_456_789_012, 8, at: 16)
    put(1 | 8, 4, at: 24)
    put(3, 4, at: 28)
    put(27, 4, at: 32)
    put(9, 8, at: 40)
    put(8, 8, at: 48)
    put(7, 8, at: 56)
    put(1, 8, at: 64)
    put(0xffff_fffe, 4, at: 72)
    put(28, 4, at: 76)
    put("1.2.3", at: 256)
    put("/var/lib/a b", at: 320)
    put("/var/lib/a b/x.dcap", at: 1344)
    put("writing", at: 2368)
    return bytes
  }

  @Test func everyFieldIsReadFromItsPlace() throws {
    let state = try ServiceState(parsing: bytes())
    #expect(state.processID == 77)
    #expect(state.startTicks == 123_456_789_012)
    #expect(state.flags == [.armed, .degraded])
    #expect(state.dumpSignal == 3)
    #expect(state.accepted == 9)
    #expect(state.served == 8)
    #expect(state.published == 7)
    #expect(state.failed == 1)
    #expect(state.futexWord == 0xffff_fffe)
    #expect(state.errorCode == 28)
    #expect(state.version == "1.2.3")
    #expect(state.directory == "/var/lib/a b")
    #expect(state.lastCapture == "/var/lib/a b/x.dcap")
    #expect(state.lastFailure == "writing")
  }

  @Test func aFieldThatFillsItsPlaceNeedsNoZero() throws {
    var full = bytes()
    for index in 320..<1344 { full[index] = UInt8(ascii: "d") }
    #expect(try ServiceState(parsing: full).directory.utf8.count == 1024)
  }

  @Test func anotherMagicSizeOrLengthIsRefused() {
    var other = bytes()
    other[7] = 2
    #expect(throws: (any Error).self) { try ServiceState(parsing: other) }
    other = bytes()
    other[8] = 1
    #expect(throws: (any Error).self) { try ServiceState(parsing: other) }
    for count in [0, 7, 8, 11, 100, 4095] {
      #expect(throws: (any Error).self) { try ServiceState(parsing: Array(bytes().prefix(count))) }
    }
  }
}

struct DurationArgumentTests {
  @Test(arguments: [
    ("5s", Duration.seconds(5)), ("500ms", .milliseconds(500)), ("2m", .seconds(120)),
    ("1h", .seconds(3600)), ("3", .seconds(3)), ("0", .zero), ("0.25s", .milliseconds(250)),
  ])
  func unitsArePartOfTheWord(_ text: String, _ expected: Duration) {
    #expect(DurationArgument(argument: text)?.duration == expected)
  }

  @Test(arguments: ["", "s", "-1s", "1d", "nan", "inf", "1e300h", "5 s", "0x"])
  func whatIsNoLengthOfTimeIsRefused(_ text: String) {
    #expect(DurationArgument(argument: text) == nil)
  }

  @Test(arguments: [
    (Duration.seconds(5), "5s"), (.milliseconds(500), "0.5s"), (.milliseconds(1250), "1.25s"),
  ])
  func theyReadAsTheyAreTyped(_ duration: Duration, _ text: String) {
    #expect(duration.formattedSeconds == text)
  }
}

struct AddressQueryTests {
  @Test(arguments: [
    ("0x10", UInt64(16)), ("16", 16), ("020", 16), ("0b10000", 16), ("0o20", 16), ("0", 0),
    ("  0x10  ", 16), ("0x10 rest", 16), ("0xffffffffffffffff", .max),
  ])
  func numbersAreReadAsLLVMDoes(_ text: String, _ address: UInt64) {
    let query = AddressQuery(text[...], file: "f", radix: .byPrefix)
    #expect(query.address == address)
    #expect(query.file == "f")
  }

  @Test(arguments: ["10", "0x10", "0X10", "000010"])
  func numbersAreHexadecimalForAddr2line(_ text: String) {
    #expect(AddressQuery(text[...], file: "f", radix: .hexadecimal).address == 16)
  }

  @Test(arguments: ["", " ", "-1", "+1", "0x", "0x-1", "zz", "08", "0x10000000000000000"])
  func whatIsNoNumberIsNone(_ text: String) {
    #expect(AddressQuery(text[...], file: "f", radix: .byPrefix).address == nil)
  }

  @Test(arguments: [
    "/a b/c 0x10", "\"/a b/c\" 0x10", "'/a b/c' 0x10 ", "CODE \"/a b/c\" 0x10", "DATA /a b/c 0x10",
    "/a b/c\t0x10",
  ])
  func aLineNamesItsFile(_ line: String) {
    let query = AddressQuery(line[...], file: nil, radix: .byPrefix)
    #expect(query.file == "/a b/c")
    #expect(query.address == 16)
  }

  @Test func anAddressAloneHasNoFile() {
    let query = AddressQuery("0x10", file: nil, radix: .byPrefix)
    #expect(query.file == nil)
    #expect(query.address == 16)
  }
}
