/// How long the text of a mangled Swift name may become, at most.
///
/// A name can refer to its earlier parts, each part naming the one before it twice: 200 bytes ask
/// for gigabytes, and Swift's demangler writes them. The estimate is coarse, because which part a
/// reference means is not worked out: each counts as the largest so far. Few names of real programs
/// are called large without being so.
enum SwiftNameGrowth {
  /// Names that may become longer than this are demangled apart.
  static let unlimitedByteCount = 1 << 20

  /// Written bytes that one operator of the mangling stands for, with room.
  private static let operatorByteCount = 16
  /// The same of a word that an identifier repeats.
  private static let wordByteCount = 32

  /// The estimate in bytes; `Int.max` when it has no end.
  static func largestByteCount(_ name: Substring) -> Int {
    var tokens = Tokens(rest: Array(name.utf8))
    var length = 0
    var largestPart = operatorByteCount
    var open: [Int] = []
    while let token = tokens.next() {
      switch token {
      case .text(let count):
        length = length.clampedSum(count)
      case .references(let count):
        let (product, overflow) = largestPart.multipliedReportingOverflow(by: count)
        length = length.clampedSum(overflow ? .max : product)
      case .openGeneric:
        open.append(length)
        length = operatorByteCount
      case .closeGeneric:
        length = length.clampedSum(operatorByteCount)
        largestPart = max(largestPart, length)
        length = length.clampedSum(open.popLast() ?? 0)
      }
    }
    return open.reduce(length) { $0.clampedSum($1) }
  }

  private enum Token {
    case text(Int)
    /// So many substitutions.
    case references(Int)
    case openGeneric
    case closeGeneric
  }

  /// Splits a name as far as the estimate needs (Swift ABI, Mangling: Identifiers, Substitutions).
  private struct Tokens {
    let rest: [UInt8]
    var position = 0

    mutating func next() -> Token? {
      guard position < rest.count else { return nil }
      if rest[position].isDigit { return .text(identifier()) }
      position += 1
      switch rest[position - 1] {
      case UInt8(ascii: "A"): return .references(references())
      case UInt8(ascii: "y"): return .openGeneric
      case UInt8(ascii: "G"): return .closeGeneric
      default: return .text(operatorByteCount)
      }
    }

    /// `3foo`, or `03barA`: words of earlier identifiers by letter, the last in upper case, and new
    /// letters.
    private mutating func identifier() -> Int {
      var count = 0
      if rest[position] == UInt8(ascii: "0") {
        position += 1
        while position < rest.count, rest[position].isLetter {
          count += wordByteCount
          position += 1
          if rest[position - 1].isUpperLetter { break }
        }
      }
      let length = number()
      position += min(length, rest.count - position)
      return count + length
    }

    /// `AB`, `AbC` (two), `A3bC` (three and one), `A12_`.
    private mutating func references() -> Int {
      var count = 0
      while position < rest.count {
        let repeated = max(1, number())
        guard position < rest.count else { break }
        count = count.clampedSum(repeated)
        position += 1
        if !rest[position - 1].isLowerLetter { break }
      }
      return count
    }

    private mutating func number() -> Int {
      var value = 0
      while position < rest.count, rest[position].isDigit {
        value = min(value * 10 + Int(rest[position] - UInt8(ascii: "0")), 1 << 20)
        position += 1
      }
      return value
    }
  }
}
