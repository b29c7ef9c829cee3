/// How much work a file may cause: entries that share tables could otherwise make a small file an endless one.
///
/// Compilers write every table for one reader. The limits are far above what a file of theirs needs, and in
/// proportion to its size and to what is asked.
struct WorkBudget: Sendable {
  /// Bytes of range lists, and addresses compared with ranges.
  var rangeSteps: Int
  /// Bytes of `.debug_abbrev`.
  var abbreviationBytes: Int
  /// Bytes of `.debug_line`.
  var lineBytes: Int

  /// The budget for a batch.
  init(for sections: DWARFSections, addressCount: Int) {
    let lists = sections.ranges.byteCount + sections.rangeLists.byteCount
    rangeSteps = lists.saturated(times: 16) &+ addressCount.saturated(times: 1024) &+ 1 << 20
    abbreviationBytes = sections.abbreviations.byteCount.saturated(times: 64) &+ 1 << 20
    lineBytes = sections.lines.byteCount.saturated(times: 16) &+ 1 << 20
  }

  /// Takes from one of the accounts; false when it is used up.
  mutating func spend(_ count: Int, of account: WritableKeyPath<WorkBudget, Int>) -> Bool {
    self[keyPath: account] -= min(count, self[keyPath: account] + 1)
    return self[keyPath: account] >= 0
  }
}

extension Int {
  /// The product, at most a quarter of the largest number, so that a few of them can be added.
  fileprivate func saturated(times factor: Int) -> Int {
    let (product, overflows) = multipliedReportingOverflow(by: factor)
    return overflows ? Int.max / 4 : Swift.min(product, Int.max / 4)
  }
}
