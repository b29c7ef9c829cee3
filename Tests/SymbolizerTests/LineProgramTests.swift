import CaptureFormat
import Testing

@testable import SymbolLookup
@testable import Symbolizer

/// A line program written by hand (DWARF 5, 6.2).
private struct HandMadeLines {
  var version: UInt16 = 5
  var minimumInstructionLength: UInt8 = 1
  var lineBase: Int8 = -5
  var lineRange: UInt8 = 14
  var opcodeBase: UInt8 = 13
  var is64Bit = false
  var addressSize: UInt8 = 8

  func section(_ program: (inout SectionBytes) -> Void) -> SectionBytes {
    var section = SectionBytes()
    section.counted(is64Bit: is64Bit) { all in
      all.u16(version)
      if version >= 5 { all.u8(addressSize, 0) }
      var head = SectionBytes()
      head.u8(minimumInstructionLength)
      if version >= 4 { head.u8(1) }
      head.u8(1, UInt8(bitPattern: lineBase), lineRange, opcodeBase)
      let lengths: [UInt8] = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 2, 0]
      for length in lengths[..<Int(opcodeBase - 1)] { head.u8(length) }
      if version >= 5 { newTables(&head) } else { oldTables(&head) }
      if is64Bit { all.u64(UInt64(head.count)) } else { all.u32(UInt32(head.count)) }
      all.bytes += head.bytes
      program(&all)
    }
    return section
  }

  private func oldTables(_ head: inout SectionBytes) {
    head.string("include")
    head.string("/abs")
    head.u8(0)
    for (name, directory) in [("a.c", 0), ("b.h", 1), ("c.h", 2), ("/root.h", 1)]
      as [(String, UInt64)]
    {
      head.string(name)
      head.uleb(directory, 0, 0)
    }
    head.u8(0)
  }

  /// Folders as strings in place; files with folder, MD5 (16 bytes), size and a block of a vendor.
  private func newTables(_ head: inout SectionBytes) {
    head.u8(1)
    head.uleb(1, 0x08)
    head.uleb(3)
    head.string("/build")
    head.string("include")
    head.string("/abs")
    head.u8(5)
    head.uleb(1, 0x08, 2, 0x0b, 5, 0x1e, 4, 0x0f, 0x2002, 0x09)
    let files: [(String, UInt8)] = [("a.c", 0), ("a.c", 0), ("b.h", 1), ("c.h", 2), ("/root.h", 1)]
    head.uleb(UInt64(files.count))
    for (name, directory) in files {
      head.string(name)
      head.u8(directory)
      head.bytes += [UInt8](repeating: 0xab, count: 16)
      head.uleb(300)
      head.uleb(3)
      head.u8(1, 2, 3)
    }
  }
}

extension SectionBytes {
  fileprivate mutating func setAddress(_ address: UInt64) {
    u8(0)
    uleb(9)
    u8(2)
    u64(address)
  }

  fileprivate mutating func endSequence() { u8(0, 1, 1) }

  fileprivate mutating func advanceLine(_ count: Int64) {
    u8(3)
    sleb(count)
  }
}

@Suite struct LineProgramTests {
  /// The places of addresses by a program, as `file:line:column`.
  private func places(
    _ addresses: [UInt64],
    _ lines: HandMadeLines = HandMadeLines(),
    _ program: (inout SectionBytes) -> Void
  ) throws -> [String?] {
    var unit = HandMadeUnit()
    unit.version = max(lines.version, 4)
    unit.unitAttributes = [(0x11, 0x01), (0x12, 0x07), (0x10, 0x17), (0x1b, 0x08)]
    unit.unitValues = { info in
      info.u64(0x1000)
      info.u64(0x10000)
      info.u32(0)
      info.string("/build")
    }
    var sections = unit.sections { _, _ in }
    sections.lines = lines.section(program).region
    let batch = AddressBatch(addresses)
    let lookup = DWARFLookup(batch, in: DWARFFile(sections), jobs: 1, hints: .unknown)
    #expect(lookup.problems.isEmpty)
    return batch.positions.map { position in
      let range = lookup.ranges[Int(position)]
      guard range.count > 0 else { return nil }
      let frame = lookup.frames[Int(range.lowerBound)]
      let path = frame.path == LookupFrame.none ? "?" : lookup.paths[Int(frame.path)]
      return "\(path):\(frame.line):\(frame.column)"
    }
  }

  @Test(arguments: [2, 3, 4, 5] as [UInt16])
  func filesOfEveryVersionHaveTheirFolders(version: UInt16) throws {
    var lines = HandMadeLines()
    lines.version = version
    let found = try places([0x1000, 0x1010, 0x1020, 0x1030, 0x1040], lines) { program in
      program.setAddress(0x1000)
      for file in 1...4 as ClosedRange<UInt64> {
        program.u8(4)
        program.uleb(file)
        program.u8(1)
        program.u8(2)
        program.uleb(0x10)
      }
      program.endSequence()
    }
    #expect(
      found == ["/build/a.c:1:0", "/build/include/b.h:1:0", "/abs/c.h:1:0", "/root.h:1:0", nil]
    )
  }

  @Test func programsOf64BitDWARFAreRead() throws {
    var lines = HandMadeLines()
    lines.is64Bit = true
    let found = try places([0x1003], lines) { program in
      program.setAddress(0x1000)
      program.u8(1, 2, 8)
      program.endSequence()
    }
    #expect(found == ["/build/a.c:1:0"])
  }

  @Test(arguments: [2, 3, 4] as [UInt16])
  func aProgramMayNameFilesItself(version: UInt16) throws {
    var lines = HandMadeLines()
    lines.version = version
    let section = lines.section { program in
      program.setAddress(0x1000)
      // DW_LNE_define_file: name, folder, time, size; the fifth file.
      program.u8(0)
      program.uleb(1 + 9 + 3)
      program.u8(3)
      program.string("späte.y")
      program.uleb(2, 0, 0)
      program.u8(4, 5, 1)
      program.u8(2, 16)
      program.endSequence()
    }
    var unit = HandMadeUnit()
    unit.version = version
    unit.unitAttributes.append((0x10, 0x06))
    if version < 4 { unit.unitAttributes[1] = (0x12, 0x01) }
    unit.unitValues = { info in
      info.u64(0x1000)
      info.u64(version < 4 ? 0x2000 : 0x1000)
      info.u32(0)
    }
    var sections = unit.sections { _, _ in }
    sections.lines = section.region
    let lookup = DWARFLookup(
      AddressBatch([0x1004]),
      in: DWARFFile(sections),
      jobs: 1,
      hints: .unknown
    )
    #expect(lookup.problems.isEmpty)
    #expect(lookup.paths == ["/abs/späte.y"])
    #expect(lookup.frames.map(\.line) == [1])
  }

  @Test func ofRowsAtOneAddressTheLastCounts() throws {
    let found = try places([0xfff, 0x1000, 0x1003, 0x1004, 0x1007, 0x1008]) { program in
      program.setAddress(0x1000)
      program.u8(5, 3)
      program.advanceLine(9)
      program.u8(1)
      program.advanceLine(10)
      program.u8(1)
      // A special opcode: 4 bytes and one line further.
      program.u8(13 + 14 * 4 + 6)
      program.u8(2, 4)
      program.endSequence()
    }
    let after = "/build/a.c:21:3"
    #expect(found == [nil, "/build/a.c:20:3", "/build/a.c:20:3", after, after, nil])
  }

  @Test func instructionLengthsMultiplyAdvances() throws {
    var lines = HandMadeLines()
    lines.minimumInstructionLength = 4
    let found = try places([0x1000, 0x100b, 0x100c, 0x104f, 0x1050], lines) { program in
      program.setAddress(0x1000)
      program.u8(1)
      program.u8(13 + 14 * 3 + 6)
      // DW_LNS_const_add_pc: (255 - 13) / 14 = 17 instructions.
      program.u8(8)
      program.endSequence()
    }
    #expect(
      found == ["/build/a.c:1:0", "/build/a.c:1:0"] + ["/build/a.c:2:0", "/build/a.c:2:0", nil]
    )
  }

  @Test func fixedAdvancesAndUnknownOpcodesArePassed() throws {
    var lines = HandMadeLines()
    lines.opcodeBase = 15
    let found = try places([0x1000, 0x10ff, 0x1100], lines) { program in
      program.setAddress(0x1000)
      program.u8(6, 7, 10, 11, 12, 0x81, 0x01)
      // Opcode 13 of this table takes two numbers, 14 none.
      program.u8(13, 0x80, 0x01, 0x05, 14)
      // An extended opcode of a vendor, and a discriminator.
      program.u8(0, 3, 0x80, 0xff, 0xff, 0, 2, 4, 9)
      program.u8(1)
      program.u8(9)
      program.u16(0x100)
      program.endSequence()
    }
    #expect(found == ["/build/a.c:1:0", "/build/a.c:1:0", nil])
  }

  @Test(arguments: [0, UInt64.max, UInt64.max - 1])
  func sequencesOfDroppedFunctionsSayNothing(tombstone: UInt64) throws {
    let found = try places([0x4, 0x1000, 0x1004]) { program in
      program.setAddress(tombstone)
      program.u8(1, 2, 0x80, 0x40)
      program.endSequence()
      program.setAddress(0x1000)
      program.advanceLine(4)
      program.u8(1, 2, 8)
      program.endSequence()
    }
    #expect(found == [nil, "/build/a.c:5:0", "/build/a.c:5:0"])
  }

  @Test func sequencesMayStandInAnyOrder() throws {
    let found = try places([0x1000, 0x2000, 0x3000]) { program in
      for (address, line) in [(0x3000, 30), (0x1000, 10), (0x2000, 20)] as [(UInt64, Int64)] {
        program.setAddress(address)
        program.advanceLine(line - 1)
        program.u8(1, 2, 1)
        program.endSequence()
      }
    }
    #expect(found == ["/build/a.c:10:0", "/build/a.c:20:0", "/build/a.c:30:0"])
  }

  @Test func lineZeroKeepsItsFile() throws {
    let found = try places([0x1000]) { program in
      program.setAddress(0x1000)
      program.advanceLine(-1)
      program.u8(1, 2, 8)
      program.endSequence()
    }
    #expect(found == ["/build/a.c:0:0"])
  }

  @Test func bigLinesAndColumnsAreKept() throws {
    let found = try places([0x1000]) { program in
      program.setAddress(0x1000)
      program.advanceLine(4_000_000_000)
      program.u8(5)
      program.uleb(100_000)
      program.u8(1, 2, 8)
      program.endSequence()
    }
    #expect(found == ["/build/a.c:4000000001:100000"])
  }
}
