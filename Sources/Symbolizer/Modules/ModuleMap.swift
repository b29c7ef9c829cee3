import CaptureFormat

/// Which module of a capture an address belongs to.
struct ModuleMap: Sendable {
  /// What lies at an address.
  enum Place: Sendable {
    /// The index of the module in the capture.
    case module(Int)
    /// No module, with the reason in words for a person.
    case unknown(String)
  }

  struct Entry: Sendable {
    var base: UInt64
    var end: UInt64
    var index: Int
  }

  /// Ascending by base.
  let entries: [Entry]

  init(_ modules: [WireModule]) {
    entries = modules.enumerated()
      .filter { $1.base < $1.end }
      .map { Entry(base: $1.base, end: $1.end, index: $0) }
      .sorted { ($0.base, $0.index) < ($1.base, $1.index) }
  }

  /// The module at the address.
  func place(of address: RuntimeAddress) -> Place {
    guard address.value >= 4096 else {
      return .unknown(address.value == 0 ? "null address" : "wild address near null")
    }
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].base <= address.value { low = middle + 1 } else { high = middle }
    }
    guard low > 0, address.value < entries[low - 1].end else {
      return .unknown(Self.reason(address.value))
    }
    return .module(entries[low - 1].index)
  }

  private static func reason(_ address: UInt64) -> String {
    // User space ends at bit 47 or 56, by processor and kernel; the kernel has the other end.
    switch address >> 56 {
    case 0: "in no module: generated code, memory without code, or a library that was closed"
    case 0xff: "in the kernel's part of memory"
    default: "no address of this machine"
    }
  }
}
