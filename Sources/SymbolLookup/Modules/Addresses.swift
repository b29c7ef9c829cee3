/// An address of the captured process.
package struct RuntimeAddress: Hashable, Comparable, Sendable {
  package var value: UInt64

  package init(_ value: UInt64) {
    self.value = value
  }

  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// An address as an ELF file's headers, symbols and DWARF state it, before the file is loaded
/// anywhere.
package struct ELFAddress: Hashable, Comparable, Sendable {
  package var value: UInt64

  package init(_ value: UInt64) {
    self.value = value
  }

  package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// What the loader added to a file's addresses, modulo 2⁶⁴; 0 for programs linked to a fixed place.
package struct LoadBias: Hashable, Sendable {
  package var value: UInt64

  package init(_ value: UInt64) {
    self.value = value
  }

  /// Where a runtime address lies in the file.
  package func elfAddress(of address: RuntimeAddress) -> ELFAddress {
    ELFAddress(address.value &- value)
  }

  /// Where a file's address lies in the process.
  package func runtimeAddress(of address: ELFAddress) -> RuntimeAddress {
    RuntimeAddress(address.value &+ value)
  }
}
