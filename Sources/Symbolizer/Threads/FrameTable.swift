import Report

/// The frames of a report while they are made: one entry for each frame, inlined ones too, of each
/// call site.
struct FrameTable {
  private(set) var frames: [Frame] = []
  /// By call site: its frames, innermost first.
  private(set) var ranges: [Range<Int>]

  init(siteCount: Int) {
    ranges = [Range<Int>](repeating: 0..<0, count: siteCount)
  }

  /// The stack of these call sites as indices into `frames`.
  func stack(_ sites: [Int]) -> [Int] {
    sites.flatMap { Array(ranges[$0]) }
  }

  /// Gives a call site the frames that were found for it in a module.
  mutating func add(
    _ resolved: ResolvedSite,
    of site: CallSite,
    number: Int,
    module: (index: Int, bias: LoadBias)
  ) {
    add(
      resolved.frames,
      of: site,
      number: number,
      module: (module.index, module.bias.elfAddress(of: site.address).value),
      unknown: resolved.unknown
    )
  }

  /// Gives a call site its frames; none means that nothing is known of it, for the reason
  /// `unknown`.
  mutating func add(
    _ found: [Frame],
    of site: CallSite,
    number: Int,
    module: (index: Int, offset: UInt64)?,
    unknown: String?
  ) {
    let start = frames.count
    for var frame in found.isEmpty ? [Frame(address: site.address.value)] : found {
      frame.address = site.address.value
      frame.module = module?.index
      frame.offset = module?.offset
      frame.origin = site.origin
      frame.isAsync = site.isAsync
      if frame.unknown == nil { frame.unknown = unknown }
      frames.append(frame)
    }
    // The trampoline is the machine's own frame, the last of those at its address.
    if site.isSignalFrame {
      frames[frames.count - 1].isSignalFrame = true
      if frames[frames.count - 1].function == nil {
        frames[frames.count - 1].unknown = "the signal trampoline, which has no symbol"
      }
    }
    ranges[number] = start..<frames.count
  }
}
