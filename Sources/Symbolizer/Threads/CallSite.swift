import CaptureFormat
import Report

/// An address of a stack with what decides how it is looked up and shown.
struct CallSite: Hashable, Sendable {
  var address: RuntimeAddress
  /// The address is that of an instruction, not of what follows a call.
  var isExact: Bool
  /// The kernel's signal trampoline.
  var isSignalFrame: Bool
  /// The entry of an asynchronous function's part, where a task goes on.
  var isAsync = false
  /// Nil for the frames of tasks, which are not unwound.
  var origin: Frame.Origin?

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
  /// By thread: the stack that created it, or nil where that is not known.
  private(set) var stackOfCreator: [Int?] = []
  /// By the id of a task's stack.
  private(set) var taskStacks: [UInt32: Int] = [:]

  private struct Tables {
    var sites: [CallSite: Int] = [:]
    var stacks: [[Int]: Int] = [:]
  }

  init(_ threads: [WireThread], _ tasks: [WireTaskStack] = []) {
    var tables = Tables()
    stackOfThread.reserveCapacity(threads.count)
    for thread in threads {
      stackOfThread.append(add(thread, &tables))
      stackOfCreator.append(add(thread.createdBy, &tables))
    }
    for stack in tasks { taskStacks[stack.id] = add(stack, &tables) }
  }

  /// All of them entries of functions.
  private mutating func add(_ task: WireTaskStack, _ tables: inout Tables) -> Int? {
    guard !task.addresses.isEmpty else { return nil }
    let stack = task.addresses.map { address in
      let site = CallSite(
        address: RuntimeAddress(address),
        isExact: true,
        isSignalFrame: false,
        isAsync: true,
        origin: nil
      )
      return intern(site, &tables)
    }
    return intern(stack, &tables)
  }

  /// All of them return addresses: the creator was in an ordinary call.
  private mutating func add(_ origin: WireThreadOrigin, _ tables: inout Tables) -> Int? {
    guard !origin.addresses.isEmpty else { return nil }
    var stack: [Int] = []
    for address in origin.addresses {
      let site = CallSite(
        address: RuntimeAddress(address),
        isExact: false,
        isSignalFrame: false,
        origin: .cfi
      )
      stack.append(intern(site, &tables))
    }
    return intern(stack, &tables)
  }

  private mutating func add(_ thread: WireThread, _ tables: inout Tables) -> Int? {
    guard !thread.addresses.isEmpty else { return nil }
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
      stack.append(intern(site, &tables))
    }
    return intern(stack, &tables)
  }

  private mutating func intern(_ site: CallSite, _ tables: inout Tables) -> Int {
    if let known = tables.sites[site] { return known }
    tables.sites[site] = sites.count
    sites.append(site)
    return sites.count - 1
  }

  private mutating func intern(_ stack: [Int], _ tables: inout Tables) -> Int {
    if let known = tables.stacks[stack] { return known }
    tables.stacks[stack] = stacks.count
    stacks.append(stack)
    return stacks.count - 1
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
      isAsync: mark.kind == .functionEntry,
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
