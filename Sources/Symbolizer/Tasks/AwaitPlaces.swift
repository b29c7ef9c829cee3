import Report

/// Where in the source the parts of asynchronous functions go on.
///
/// A part's entry is its prologue, whose row often has the function's first line or none. The row that tells the
/// await is found among the rows behind it: the addresses of the part's first bytes are looked up with the others, and
/// the first that has what is wanted stands for the entry. Seen with swiftc 6.3: of a part behind an await, the first
/// row with a column is the await's, or the first inlined call's that has one (with -O the entry's own line may be that of
/// the function's head); of a part behind a change of executor, the entry's line is right and the rows behind it may
/// belong to what goes on there.
struct AwaitPlaces: Sendable {
  /// Bytes of a part that are looked at: all rows of prologues that were seen begin in the first 75.
  private static let probedBytes: UInt64 = 128
  /// Functions of one module that get more than their entry's row; no program has so many in its tasks' stacks.
  private static let mostProbed = 4096

  /// By the position of an entry among the module's addresses: where its further addresses begin in the batch.
  private var probes: [Int: Int] = [:]
  /// The addresses to look up: those given, and the further ones.
  let addresses: [UInt64]

  /// `isEntry`: whether the address at a position is the entry of an asynchronous function's part.
  init(_ addresses: [UInt64], isEntry: (Int) -> Bool) {
    var all = addresses
    for position in addresses.indices where isEntry(position) && probes.count < Self.mostProbed {
      probes[position] = all.count
      for offset in 1..<Self.probedBytes { all.append(addresses[position] &+ offset) }
    }
    self.addresses = all
  }

  /// The frames of the address at `position`; of an entry those that tell where it goes on.
  func frames(at position: Int, in answer: ModuleAnswer) -> [LookupFrame] {
    let own = answer.frames(at: position)
    guard let first = probes[position], let outermost = own.last,
      outermost.function != LookupFrame.none
    else { return Array(own) }
    let needsColumn = Self.isBehindAwait(answer.functions[Int(outermost.function)])
    var second: ArraySlice<LookupFrame>?
    for candidate in [position] + Array(first..<(first + Int(Self.probedBytes) - 1)) {
      let frames = answer.frames(at: candidate)
      // Another function begins where the outermost frame changes.
      guard let last = frames.last, last.function == outermost.function else { break }
      guard last.line != 0 else { continue }
      if last.column != 0 || !needsColumn { return Self.withoutHead(frames) }
      second = second ?? frames
    }
    return Self.withoutHead(second ?? own)
  }

  /// The frames without the line of an inlined call where that is the prologue's, which is another function's.
  private static func withoutHead(_ frames: ArraySlice<LookupFrame>) -> [LookupFrame] {
    var frames = Array(frames)
    if frames.count > 1, frames[0].column == 0 {
      frames[0].line = 0
      frames[0].path = LookupFrame.none
    }
    return frames
  }

  /// `…TQ0_`: the part behind an await (Swift's Mangling.rst; `TY0_` is behind a change of executor).
  private static func isBehindAwait(_ linkage: String) -> Bool {
    var bytes = linkage.utf8[...]
    // A clone's suffix.
    if let dot = bytes.firstIndex(of: UInt8(ascii: ".")) { bytes = bytes[..<dot] }
    guard bytes.last == UInt8(ascii: "_") else { return false }
    bytes = bytes.dropLast()
    let digits = bytes.reversed().prefix { (0x30...0x39).contains($0) }.count
    return bytes.dropLast(digits).suffix(2).elementsEqual("TQ".utf8)
  }
}
