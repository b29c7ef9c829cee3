/// The names of an answer as people read them, by the numbers of the answer's functions.
package struct ReadableNames: Sendable {
  /// Names that a worker takes at once: enough to make taking them cheap, few enough to share them evenly.
  private static let shareSize = 256

  private let linkages: [String]
  /// By number of the function: in full, and in short where that differs.
  package let names: [ReadableName]

  /// Demangles all names, on several threads when there are many.
  ///
  /// `demangler`: nil leaves the names as they are. `remembers`: the same names will be asked for again.
  package init(
    of linkages: [String],
    with demangler: Demangler?,
    jobs: Int,
    remembers: Bool = false
  ) {
    self.linkages = linkages
    guard let demangler else {
      names = linkages.map { ReadableName(full: $0, short: nil) }
      return
    }
    if remembers {
      names = linkages.map { demangler.demangle($0) }
      return
    }
    let shareCount = (linkages.count + Self.shareSize - 1) / Self.shareSize
    let counter = WorkCounter(end: shareCount)
    let outputs = WorkerPool.run(workerCount: min(jobs, shareCount)) {
      var output: [(share: Int, names: [ReadableName])] = []
      while let share = counter.next() {
        let end = min(linkages.count, (share + 1) * Self.shareSize)
        output.append((share, demangler.demangleOnce(linkages[share * Self.shareSize..<end])))
      }
      return output
    }
    names = outputs.joined().sorted { $0.share < $1.share }.flatMap(\.names)
  }

  /// One frame of the answer in words, without its aliases.
  ///
  /// `reason`: why the address has no function, where it has none.
  package func frame(
    _ frame: LookupFrame,
    of answer: ModuleAnswer,
    reason: String?
  ) -> ReadableFrame {
    var result = ReadableFrame()
    result.isInlined = frame.isInlined
    if frame.function != LookupFrame.none {
      let number = Int(frame.function)
      let name = names[number]
      result.function = name.full
      result.linkage = linkages[number] == name.full ? nil : linkages[number]
      result.shortFunction = name.short
    } else {
      result.unknown = reason ?? "no name in the debug information"
    }
    // Code of line 0 belongs to no line of its file: naming that would say where it is not.
    guard frame.line != 0 else { return result }
    if frame.path != LookupFrame.none {
      result.file = answer.paths[Int(frame.path)]
    }
    result.line = frame.line
    result.column = frame.column == 0 ? nil : frame.column
    return result
  }
}
