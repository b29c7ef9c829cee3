import CaptureFormat
import Report

/// An address of a stack with what decides how it is looked up and shown.
struct CallSite: Hashable, Sendable {
  var address: RuntimeAddress
  /// The address is that of an instruction, not of what follows a call.
  var isExact: Bool
  /// The kernel's signal trampoline.
  var isSignalFrame: Bool
  var origin: Frame.Origin

  /// The address whose symbol and line describe the frame.
  ///
  /// A return address may lie past the end of its function when the callee never returns, so it is
  /// looked up one byte earlier, inside the call.
  var lookupAddress: RuntimeAddress {
    isExact || address.value == 0 ? address : RuntimeAddress(address.value - 1)
  }
}

/// The stacks of a capture in interned form: each site and each stack once, however many threads
/// are there.
struct CallSites: Sendable {
  private(set) var sites: [CallSite] = []
  /// Indices into `sites`, innermost first.
  private(set) var stacks: [[Int]] = []
  /// By thread: an index into `stacks`, or nil for no frames.
  private(set) var stackOfThread: [Int?] = []

  private struct Tables {
    var sites: [CallSite: Int] = [:]
    var stacks: [[Int]: Int] = [:]
  }

  init(_ threads: [WireThread]) {
    var tables = Tables()
    stackOfThread.reserveCapacity(threads.count)
    for thread in threads { add(thread, &tables) }
  }

  private mutating func add(_ thread: WireThread, _ tables: inout Tables) {
    guard !thread.addresses.isEmpty else { return stackOfThread.append(nil) }
    var marks = thread.marks[...]
    var isInterrupted = true
    var stack: [Int] = []
    stack.reserveCapacity(thread.addresses.count)
    for (index, address) in thread.addresses.enumerated() {
      // Marks ascend by index; one that does not is damage, and is passed over.
      while let mark = marks.first, Int(mark.index) < index { marks.removeFirst() }
      let mark = marks.first.flatMap { Int($0.index) == index ? $0 : nil }
      let site = Self.site(address, mark, isInnermost: index == 0, isInterrupted: isInterrupted)
      isInterrupted = site.isSignalFrame
      if let known = tables.sites[site] {
        stack.append(known)
      } else {
        tables.sites[site] = sites.count
        stack.append(sites.count)
        sites.append(site)
      }
    }
    if let known = tables.stacks[stack] { return stackOfThread.append(known) }
    tables.stacks[stack] = stacks.count
    stackOfThread.append(stacks.count)
    stacks.append(stack)
  }

  /// The site of an address with its mark; `isInterrupted`: the frame before is a signal's, or
  /// there is none.
  private static func site(
    _ address: UInt64,
    _ mark: WireFrameMark?,
    isInnermost: Bool,
    isInterrupted: Bool
  ) -> CallSite {
    let address = RuntimeAddress(address)
    guard let mark else {
      return CallSite(
        address: address,
        isExact: isInterrupted,
        isSignalFrame: false,
        origin: isInnermost ? .context : .cfi
      )
    }
    let isExact =
      switch mark.kind {
      case .exact, .functionEntry, .signalFrame: true
      case .returnAddress: false
      case .UNRECOGNIZED: isInterrupted
      }
    return CallSite(
      address: address,
      isExact: isExact,
      isSignalFrame: mark.kind == .signalFrame,
      origin: origin(mark.foundBy)
    )
  }

  private static func origin(_ foundBy: WireFrameMark.FoundBy) -> Frame.Origin {
    switch foundBy {
    case .context: .context
    case .framePointer: .framePointer
    case .scan: .scan
    case .callSite: .callSite
    case .cfi, .UNRECOGNIZED: .cfi
    }
  }
}
