/// A series of values as a line of small bars.
package enum Sparkline: Sendable {
  /// Blocks of U+2581 to U+2588.
  case blocks
  /// For terminals that show ASCII alone.
  case ascii

  private var bars: [Character] {
    switch self {
    case .blocks: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    case .ascii: ["_", ".", ":", "-", "=", "+", "*", "#"]
    }
  }

  /// The last `width` values, the lowest of them as the lowest bar and the highest as the highest; all low when they are equal.
  package func text(_ values: [Int], width: Int) -> String {
    let shown = values.suffix(width)
    guard let low = shown.min(), let high = shown.max() else { return "" }
    let range = Double(high) - Double(low)
    let bars = bars
    return String(
      shown.map { value in
        guard range > 0 else { return bars[0] }
        let share = (Double(value) - Double(low)) / range
        return bars[min(bars.count - 1, Int(share * Double(bars.count)))]
      }
    )
  }
}
