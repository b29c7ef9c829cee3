import Bytes
import Testing

/// Runs `body` with a cursor over `bytes`.
private func withCursor<Result>(
  _ bytes: [UInt8],
  base: Int = 0,
  _ body: (inout ByteCursor) throws -> Result
) rethrows -> Result {
  var cursor = ByteCursor(bytes.span.bytes, base: base)
  return try body(&cursor)
}

/// `#expect` cannot hold a cursor: it takes what was read from it.
private func expect<Value: Equatable>(
  _ value: Value,
  _ expected: Value,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(value == expected, sourceLocation: sourceLocation)
}

/// The error that `body` throws, or nil.
private func error(
  _ cursor: inout ByteCursor,
  _ body: (inout ByteCursor) throws(FormatError) -> Void
) -> FormatError? {
  do throws(FormatError) {
    try body(&cursor)
    return nil
  } catch {
    return error
  }
}

private func array(_ span: RawSpan) -> [UInt8] {
  (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
}

@Suite struct ByteCursorTests {
  @Test func numbersAreReadLittleEndianAtAnyAlignment() throws {
    try withCursor([0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]) { cursor in
      expect(try cursor.u8(), 0xff)
      expect(try cursor.u16(), 0x0201)
      expect(try cursor.u32(), 0x0605_0403)
      expect(try cursor.u64(), 0x0e0d_0c0b_0a09_0807)
      expect(cursor.isAtEnd, true)
    }
  }

  @Test func aShortReadReportsWhereItStoppedAndDoesNotMove() throws {
    try withCursor([1, 2, 3, 4, 5], base: 4096) { cursor in
      _ = try cursor.u16()
      expect(
        error(&cursor) { c throws(FormatError) in _ = try c.u32() },
        FormatError(.truncated(needed: 4, available: 3), offset: 4098)
      )
      expect(cursor.position, 2)
      expect(try cursor.u16(), 0x0403)
    }
  }

  @Test func anErrorReadsAsOneLine() {
    let error = FormatError(.truncated(needed: 32, available: 9), offset: 4096)
    #expect("\(error)" == "offset 4096: expected 32 bytes, found 9 (file cut short?)")
  }

  @Test(arguments: [
    (1, 0x01 as UInt64), (2, 0x0201), (3, 0x03_0201), (4, 0x0403_0201), (8, 0x0807_0605_0403_0201),
  ])
  func aNumberOfAnyUsualSizeIsRead(byteCount: Int, expected: UInt64) throws {
    try withCursor([1, 2, 3, 4, 5, 6, 7, 8]) { cursor in
      expect(try cursor.unsigned(byteCount: byteCount), expected)
      expect(cursor.position, byteCount)
    }
    withCursor([1, 2, 3, 4, 5, 6, 7, 8]) { cursor in
      expect(cursor.quietUnsigned(byteCount: byteCount), expected)
      expect(cursor.position == byteCount && !cursor.isBad, true)
    }
  }

  @Test func aNumberOfOddSizeIsRefused() {
    withCursor([1, 2, 3, 4, 5, 6, 7, 8]) { cursor in
      expect(
        error(&cursor) { c throws(FormatError) in _ = try c.unsigned(byteCount: 5) } == nil,
        false
      )
      expect(cursor.position, 0)
      expect(cursor.quietUnsigned(byteCount: 5), 0)
      expect(cursor.isBad, true)
    }
  }

  // The first rows are the examples of DWARF 5, figures 7.6 and 7.7.
  @Test(
    arguments: [
      ([0x02], 2), ([0x7f], 127), ([0x80, 0x01], 128), ([0x81, 0x01], 129), ([0xb9, 0x64], 12857),
      ([0x80, 0x80, 0x00], 0),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], UInt64.max),
      ([0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], 1),
    ] as [([UInt8], UInt64)]
  )
  func unsignedLEB128(bytes: [UInt8], expected: UInt64) throws {
    try withCursor(bytes) { cursor in
      expect(try cursor.uleb128(), expected)
      expect(cursor.isAtEnd, true)
    }
    withCursor(bytes) { cursor in
      expect(cursor.quietULEB128(), expected)
      expect(cursor.isAtEnd && !cursor.isBad, true)
    }
    withCursor(bytes) { cursor in
      cursor.quietSkipLEB128()
      expect(cursor.isAtEnd && !cursor.isBad, true)
    }
  }

  @Test(
    arguments: [
      ([0x02], 2), ([0x7e], -2), ([0xff, 0x00], 127), ([0x81, 0x7f], -127), ([0x80, 0x01], 128),
      ([0x80, 0x7f], -128), ([0x81, 0x01], 129), ([0xff, 0x7e], -129),
      ([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f], Int64.min),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00], Int64.max),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], -1),
    ] as [([UInt8], Int64)]
  )
  func signedLEB128(bytes: [UInt8], expected: Int64) throws {
    try withCursor(bytes) { cursor in
      expect(try cursor.sleb128(), expected)
      expect(cursor.isAtEnd, true)
    }
    withCursor(bytes) { cursor in
      expect(cursor.quietSLEB128(), expected)
      expect(cursor.isAtEnd && !cursor.isBad, true)
    }
  }

  @Test(
    arguments: [
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    ] as [[UInt8]]
  )
  func aLEB128NumberOfMoreThan64BitsIsRefused(bytes: [UInt8]) {
    withCursor(bytes) { cursor in
      expect(
        error(&cursor) { c throws(FormatError) in _ = try c.uleb128() },
        FormatError(.oversizedNumber, offset: 0)
      )
      expect(
        error(&cursor) { c throws(FormatError) in _ = try c.sleb128() },
        FormatError(.oversizedNumber, offset: 0)
      )
      expect(cursor.position, 0)
    }
  }

  @Test func aLEB128NumberWithoutEndIsTruncated() {
    withCursor([0x80, 0x80, 0x80]) { cursor in
      expect(
        error(&cursor) { c throws(FormatError) in _ = try c.uleb128() },
        FormatError(.truncated(needed: 4, available: 3), offset: 0)
      )
      expect(
        error(&cursor) { c throws(FormatError) in _ = try c.sleb128() },
        FormatError(.truncated(needed: 4, available: 3), offset: 0)
      )
      expect(cursor.position, 0)
    }
    withCursor([0x80, 0x80, 0x80]) { cursor in
      _ = cursor.quietULEB128()
      expect(cursor.isBad && cursor.isAtEnd, true)
    }
    withCursor([0x80, 0x80, 0x80]) { cursor in
      _ = cursor.quietSLEB128()
      expect(cursor.isBad && cursor.isAtEnd, true)
    }
    withCursor([0x80, 0x80, 0x80]) { cursor in
      cursor.quietSkipLEB128()
      expect(cursor.isBad && cursor.isAtEnd, true)
    }
  }

  @Test func aStringEndsBeforeItsNUL() throws {
    try withCursor(Array("main\0\0x".utf8)) { cursor in
      expect(array(try cursor.cString()), Array("main".utf8))
      expect(try cursor.cString().isEmpty, true)
      expect(
        error(&cursor) { c throws(FormatError) in _ = try c.cString() },
        FormatError(.unterminatedString, offset: 6)
      )
      expect(cursor.position, 6)
      cursor.quietSkipCString()
      expect(cursor.isBad, true)
    }
  }

  @Test func aPartCannotReadPastItsBytes() throws {
    try withCursor([1, 2, 3, 4, 5, 6]) { cursor in
      _ = try cursor.u8()
      var part = try cursor.split(2)
      expect(part.position == 1 && part.remaining == 2, true)
      expect(try part.u16(), 0x0302)
      expect(part.isAtEnd, true)
      expect(
        error(&part) { c throws(FormatError) in _ = try c.u8() },
        FormatError(.truncated(needed: 1, available: 0), offset: 3)
      )
      expect(part.quietU8(), 0)
      expect(part.isBad && !cursor.isBad, true)
      expect(try cursor.u8(), 4)
      expect(array(try cursor.bytes(2)), [5, 6])
    }
  }

  @Test(arguments: [-1, Int.min, 7, Int.max])
  func aCountThatIsNotThereIsRefused(count: Int) {
    withCursor([1, 2, 3, 4, 5, 6]) { cursor in
      let expected = FormatError(.truncated(needed: count, available: 6), offset: 0)
      expect(error(&cursor) { c throws(FormatError) in try c.skip(count) }, expected)
      expect(error(&cursor) { c throws(FormatError) in _ = try c.split(count) }, expected)
      expect(error(&cursor) { c throws(FormatError) in _ = try c.bytes(count) }, expected)
      expect(error(&cursor) { c throws(FormatError) in try c.seek(to: count) } == nil, false)
      expect(cursor.position, 0)
      cursor.quietSkip(count)
      expect(cursor.isBad && cursor.isAtEnd, true)
    }
    withCursor([1, 2, 3, 4, 5, 6]) { cursor in
      cursor.quietSeek(to: count)
      expect(cursor.isBad && cursor.isAtEnd, true)
    }
  }

  @Test func aCursorMovesBackAndForthWithinItsBytes() throws {
    try withCursor([1, 2, 3]) { cursor in
      try cursor.seek(to: 3)
      expect(cursor.isAtEnd, true)
      try cursor.seek(to: 1)
      expect(try cursor.u8(), 2)
      cursor.quietSeek(to: 0)
      expect(cursor.quietU8(), 1)
      expect(cursor.isBad, false)
    }
  }

  @Test func aQuietReadPastTheEndIsRememberedAndGivesZero() {
    withCursor([0xff, 0xff, 0xff]) { cursor in
      expect(cursor.quietU32(), 0)
      expect(cursor.isBad && cursor.isAtEnd, true)
      // The bytes are not read a second time in smaller pieces.
      expect(cursor.quietU8(), 0)
      expect(cursor.quietU64(), 0)
      expect(cursor.quietU16(), 0)
    }
  }
}
