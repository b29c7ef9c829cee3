import CUnwind
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Unwinder

/// A row as `readelf --debug-dump=frames-interp` prints it.
private struct PrintedRow {
  var address: UInt64
  var frame: String
  var framePointer: String
  var returnAddress: String
  var isOfSignalFrame: Bool

  /// All rows of a file's .eh_frame.
  static func all(of path: String) throws -> [PrintedRow] {
    var rows: [PrintedRow] = []
    var signalFrames: Set<Substring> = []
    var columns: [Substring] = []
    var isFunction = false
    var isSignalFrame = false
    for line in try runSuccessfully(
      "readelf",
      ["--wide", "--debug-dump=frames-interp,no-follow-links", path]
    )
    .split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count > 4, fields[3] == "CIE" {
        if fields[4].contains("S") { signalFrames.insert(fields[0]) }
        isFunction = false
      } else if fields.count > 4, fields[3] == "FDE" {
        isFunction = true
        isSignalFrame = signalFrames.contains(fields[4].dropFirst("cie=".count))
      } else if fields.first == "LOC" {
        columns = fields
      } else if isFunction, fields.count == columns.count,
        let address = UInt64(fields[0], radix: 16)
      {
        func column(_ name: Substring) -> String {
          columns.firstIndex(of: name).map { String(fields[$0]) } ?? "u"
        }
        rows.append(
          PrintedRow(
            address: address,
            frame: column("CFA"),
            framePointer: column("rbp"),
            returnAddress: column("ra"),
            isOfSignalFrame: isSignalFrame
          )
        )
      }
    }
    return rows
  }

  /// In the form of a row's text below.
  var text: String {
    if isOfSignalFrame { return "odd" }
    if returnAddress == "u" { return "outermost" }
    guard frame.hasPrefix("rsp+") || frame.hasPrefix("rbp+"), returnAddress == "c-8",
      framePointer == "u" || framePointer.hasPrefix("c-")
    else { return "odd" }
    return "\(frame) \(framePointer)"
  }
}

/// Rows of unwind tables, read without libunwind.
@Suite struct RowTableTests {
  private func text(_ row: dc_row) -> String {
    switch row.kind {
    case RowKind.outermost: return "outermost"
    case RowKind.byStackPointer, RowKind.byFramePointer:
      let base = row.kind == RowKind.byStackPointer ? "rsp" : "rbp"
      let slot = Int(row.frame_pointer_slot)
      return "\(base)+\(row.base_offset) \(slot == 0 ? "u" : "c\(slot * 8)")"
    default: return "odd"
    }
  }

  private func withTable<Result>(_ body: (RowTable) throws -> Result) rethrows -> Result {
    let lines = UnsafeMutablePointer<UInt8>.allocate(capacity: LineCache.byteCount)
    let rows = UnsafeMutableRawPointer.allocate(byteCount: RowTable.byteCount, alignment: 16)
    defer {
      lines.deallocate()
      rows.deallocate()
    }
    let cache = LineCache(lines)
    cache.flush()
    let table = RowTable(rows.assumingMemoryBound(to: UInt8.self), cache)
    table.flush()
    return try body(table)
  }

  @Test(arguments: ["libc.so.6", "libstdc++.so.6", "libswiftCore.so"])
  func everyRowOfALibraryIsWhatReadelfPrints(library: String) throws {
    let handle = try #require(dlopen(library, RTLD_NOW))
    let symbol =
      ["libc.so.6": "malloc", "libstdc++.so.6": "_ZSt9terminatev"][library] ?? "swift_retain"
    let address = UInt64(UInt(bitPattern: dlsym(handle, symbol)))
    var module = dc_module()
    #expect(dc_find_module(address, &module) != 0)
    let base = module.start
    let start = String(base, radix: 16)
    let mapping = try #require(
      try procText("/proc/self/maps").split(separator: "\n").first { $0.hasPrefix("\(start)-") }
    )
    let path = String(try #require(mapping.split(separator: " ").last))
    let printed = try PrintedRow.all(of: path)
    #expect(printed.count > 1000)
    var different: [String] = []
    var plain = 0
    withTable { table in
      for row in printed {
        let found = text(table.row(at: base + row.address))
        if found != "odd" { plain += 1 }
        if found != row.text {
          different.append("\(String(row.address, radix: 16)): \(found), not \(row.text)")
        }
        // Once more, out of the table.
        if text(table.row(at: base + row.address)) != found { different.append("changes") }
      }
    }
    #expect(different.isEmpty, "\(different.count): \(different.prefix(10))")
    #expect(plain > printed.count / 2)
  }

  @Test func addressesOutsideOfCodeHaveNoRow() {
    withTable { table in
      for address: UInt64 in [0, 1, 8, 0x7fff_ffff_ffff, 0x8000_0000_0000, .max - 8, .max] {
        #expect(text(table.row(at: address)) == "odd")
      }
    }
  }
}

/// Call frame information as bytes.
@Suite struct FrameRulesTests {
  /// Runs instructions of a function that begins at 0 up to an address; nil where they are refused.
  private func rules(_ bytes: [UInt8], at address: UInt64 = 100) -> FrameRules? {
    let lines = UnsafeMutablePointer<UInt8>.allocate(capacity: LineCache.byteCount)
    let kept = UnsafeMutablePointer<FrameRules>.allocate(capacity: CFIProgram.rememberedLimit)
    defer {
      lines.deallocate()
      kept.deallocate()
    }
    let cache = LineCache(lines)
    cache.flush()
    return bytes.withUnsafeBufferPointer { bytes in
      guard let first = bytes.baseAddress else { return nil }
      var program = CFIProgram(codeAlignment: 1, dataAlignment: -8, remembered: kept)
      // def_cfa rsp+8; offset of the return address, one word below.
      program.rules.base = 7
      program.rules.baseOffset = 8
      program.rules.returnOffset = -8
      program.finishInitial()
      let start = UInt64(UInt(bitPattern: first))
      var reader = CFIReader(cache, from: start, to: start + UInt64(bytes.count))
      return program.run(&reader, from: 0, to: address) ? program.rules : nil
    }
  }

  @Test func instructionsApplyFromTheirAddressOn() throws {
    // advance_loc 4; def_cfa_offset 16; advance_loc1 200; def_cfa_offset 24
    let program: [UInt8] = [0x44, 0x0e, 16, 0x02, 200, 0x0e, 24]
    #expect(rules(program, at: 3)?.baseOffset == 8)
    #expect(rules(program, at: 4)?.baseOffset == 16)
    #expect(rules(program, at: 203)?.baseOffset == 16)
    #expect(rules(program, at: 204)?.baseOffset == 24)
  }

  @Test func theFramePointerIsFollowed() throws {
    // offset rbp, 2; def_cfa rbp, 16
    let pushed = try #require(rules([0x86, 2, 0x0c, 6, 16]))
    #expect(pushed.framePointerOffset == -16 && pushed.base == 6 && pushed.baseOffset == 16)
    // offset rbp, 2; restore rbp
    #expect(rules([0x86, 2, 0xc6])?.framePointerOffset == 0)
    // offset rbp, 2; same_value rbp
    #expect(rules([0x86, 2, 0x08, 6])?.framePointerOffset == 0)
    // remember_state; offset rbp, 2; def_cfa_offset 32; restore_state
    let recalled = try #require(rules([0x0a, 0x86, 2, 0x0e, 32, 0x0b]))
    #expect(recalled.framePointerOffset == 0 && recalled.baseOffset == 8)
  }

  @Test(arguments: [
    [0x0c, 10, 8],  // def_cfa r10
    [0x0f, 2, 0x77, 8],  // def_cfa_expression
  ])
  func aFrameAddressThatIsNotPlainHasNoBase(program: [UInt8]) {
    #expect(rules(program)?.base == 0)
  }

  @Test(arguments: [
    [0x10, 6, 1, 0x30],  // expression, of rbp
    [0x16, 16, 1, 0x30],  // val_expression, of the return address
    [0x09, 6, 3],  // register, rbp in rbx
    [0x14, 7, 1],  // val_offset, of rsp
    [0x87, 1],  // offset, of rsp
    [0x07, 6],  // undefined, rbp
  ])
  func aRegisterWithAnotherKindOfRuleIsOdd(program: [UInt8]) {
    #expect(rules(program)?.isOdd == true)
  }

  @Test func rulesOfOtherRegistersDoNotMatter() throws {
    // offset rbx, 3; undefined r12; expression of r13; args_size 16
    let found = try #require(rules([0x83, 3, 0x07, 12, 0x10, 13, 1, 0x30, 0x2e, 16]))
    #expect(!found.isOdd && found.base == 7 && found.baseOffset == 8)
    // undefined rip
    #expect(rules([0x07, 16])?.isOutermost == true)
  }

  @Test(arguments: [
    [0x1f],  // no instruction
    [0x0b],  // restore_state without remember_state
    [0x0e],  // cut
    [0x0e, 0x80],  // cut in a number
    [0x0f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1],  // a length beyond all
    [0x10, 6, 100, 0],  // a block that is longer than what is left
  ])
  func whatIsDamagedIsRefused(program: [UInt8]) {
    #expect(rules(program) == nil)
  }

  @Test func statesAreRememberedToALimit() {
    let limit = CFIProgram.rememberedLimit
    #expect(rules([UInt8](repeating: 0x0a, count: limit)) != nil)
    #expect(rules([UInt8](repeating: 0x0a, count: limit + 1)) == nil)
  }
}
