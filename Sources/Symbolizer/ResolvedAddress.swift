public import Report

/// What is known of one address.
public struct ResolvedAddress: Sendable, Equatable {
  /// As it was asked.
  public var address: UInt64
  /// The file that was asked.
  public var module: String
  /// Innermost first; empty when nobody knows the address.
  public var frames: [Frame] = []
  /// Why `frames` is empty or lacks names.
  public var unknown: String?

  /// An address without frames.
  public init(address: UInt64, module: String) {
    self.address = address
    self.module = module
  }
}
