package import FoundationEssentials

/// An IPv4 or IPv6 address; one of IPv4 in IPv6's clothes (RFC 4291, 2.5.5.2) is shown as IPv4.
package struct NetworkAddress {
  private let bytes: [UInt8]

  /// Nil unless there are 4 or 16 bytes, in network order.
  package init?(_ bytes: Data) {
    let bytes = [UInt8](bytes)
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
    self.bytes = bytes.starts(with: mapped) ? Array(bytes[12...]) : bytes
  }

  /// `127.0.0.1:80`, `[::1]:80`; without a port where that is 0.
  package func text(port: UInt32) -> String {
    guard bytes.count == 16 else {
      let address = bytes.map(String.init).joined(separator: ".")
      return port == 0 ? address : "\(address):\(port)"
    }
    return port == 0 ? version6 : "[\(version6)]:\(port)"
  }

  /// RFC 5952: the first of the longest runs of at least two zero groups becomes `::`.
  private var version6: String {
    let groups = stride(from: 0, to: 16, by: 2).map {
      UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
    }
    var longest = 0..<0
    var start = 0
    while start < groups.count {
      var end = start
      while end < groups.count, groups[end] == 0 { end += 1 }
      if end - start > max(longest.count, 1) { longest = start..<end }
      start = max(end, start + 1)
    }
    func text(_ part: ArraySlice<UInt16>) -> String {
      part.map { String($0, radix: 16) }.joined(separator: ":")
    }
    if longest.isEmpty { return text(groups[...]) }
    return "\(text(groups[..<longest.lowerBound]))::\(text(groups[longest.upperBound...]))"
  }
}
