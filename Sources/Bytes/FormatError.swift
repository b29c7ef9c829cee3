/// What was wrong with bytes that came from outside: a cheap value, thrown by every parser.
///
/// Names no file: whoever knows it (the edge of a module) adds file, section and step.
@usableFromInline
package struct FormatError: Error, Hashable, Sendable {
  /// What was expected there.
  @usableFromInline
  package enum Reason: Hashable, Sendable {
    /// The bytes end before the value does.
    case truncated(needed: Int, available: Int)
    /// A string without its NUL.
    case unterminatedString
    /// A LEB128 number that does not fit 64 bits.
    case oversizedNumber
    /// A version that this reader does not know.
    case unsupportedVersion(UInt32)
    /// Anything else; reads as `expected …, found …`.
    case malformed(String)
  }

  @usableFromInline package var reason: Reason
  /// Bytes from the start of the file or section.
  @usableFromInline package var offset: Int

  @usableFromInline
  package init(_ reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

extension FormatError: CustomStringConvertible {
  /// One line without the file's name: `offset 4096: expected 32 bytes, found 9 (file cut short?)`.
  @usableFromInline
  package var description: String {
    switch reason {
    case .truncated(let needed, let available):
      "offset \(offset): expected \(needed) bytes, found \(available) (file cut short?)"
    case .unterminatedString:
      "offset \(offset): expected a string that ends with a NUL, found none"
    case .oversizedNumber:
      "offset \(offset): expected a LEB128 number of at most 64 bits, found a larger one"
    case .unsupportedVersion(let version):
      "offset \(offset): version \(version) is not supported"
    case .malformed(let text):
      "offset \(offset): \(text)"
    }
  }
}
