import Bytes

/// The descriptor of an NT_GNU_BUILD_ID note: what makes two builds of one file different.
package struct BuildID: Hashable, Sendable, CustomStringConvertible {
  package let bytes: [UInt8]

  /// A build ID; nil for an empty one, which says nothing, and for more than 64 bytes, which no
  /// linker writes.
  package init?(_ bytes: [UInt8]) {
    guard (1...64).contains(bytes.count) else { return nil }
    self.bytes = bytes
  }

  /// A build ID as tools print it; nil for what is no number of whole bytes.
  package init?(hexadecimal text: String) {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for first in stride(from: 0, to: digits.count, by: 2) {
      // UInt8 would take a sign.
      guard digits[first] != UInt8(ascii: "+"),
        let byte = UInt8(String(decoding: digits[first...first + 1], as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    self.init(bytes)
  }

  /// Lower-case hexadecimal.
  package var description: String { hexadecimal(bytes[...]) }

  /// Where this build's debug file lies below a debug directory; nil when the ID is too short to be
  /// split.
  package var debugFilePath: String? {
    guard bytes.count >= 2 else { return nil }
    return ".build-id/\(hexadecimal(bytes[..<1]))/\(hexadecimal(bytes[1...])).debug"
  }

  private func hexadecimal(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

extension BuildID {
  /// The first NT_GNU_BUILD_ID among the notes at the cursor (gabi, Note Section), or nil.
  ///
  /// Damaged notes end the search: what follows them cannot be found.
  static func find(inNotes cursor: inout ByteCursor, alignment: Int) -> BuildID? {
    let alignment = alignment == 8 ? 8 : 4
    while !cursor.isAtEnd {
      let nameSize = Int(cursor.quietU32())
      let size = Int(cursor.quietU32())
      let type = cursor.quietU32()
      guard !cursor.isBad, nameSize <= cursor.remaining else { return nil }
      let isGNU = nameSize == 4 && cursor.quietU32() == 0x55_4e47
      if nameSize != 4 { cursor.quietSkip(nameSize) }
      cursor.quietSkip(padding(behind: cursor.position, to: alignment))
      if isGNU, type == 3 {
        guard size <= 64, size <= cursor.remaining else { return nil }
        return BuildID((0..<size).map { _ in cursor.quietU8() })
      }
      cursor.quietSkip(size)
      guard !cursor.isBad else { return nil }
      // The last note's padding may be missing.
      cursor.quietSkip(min(padding(behind: cursor.position, to: alignment), cursor.remaining))
    }
    return nil
  }

  private static func padding(behind position: Int, to alignment: Int) -> Int {
    (alignment - position % alignment) % alignment
  }
}
