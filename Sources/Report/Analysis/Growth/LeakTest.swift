/// Tells growth without an end from what goes up and down.
///
/// A series is suspect when all of this holds. What rises for as long as it is watched and would fall later cannot be told from a
/// leak: the longer one watches, the surer is the answer.
/// - There are six values at least: with fewer, even a steady rise is not clearly more than chance.
/// - Its trend is more than chance (1 %).
/// - It grew by `least` at least.
/// - It never fell by more than a quarter of that: a wave falls by all that it rose.
/// - Its later half grows at half the pace or more: a pool or a cache that fills up slows down.
struct LeakTest {
  /// Values that are needed.
  static let leastCount = 6
  private static let highestChance = 0.01

  /// The trend of a suspect; nil of what is none.
  static func trend(times: [Double], values: [Int], least: Double) -> Trend? {
    guard values.count >= leastCount, let first = times.first, let last = times.last,
      let start = values.first, let end = values.last, end > start
    else { return nil }
    let numbers = values.map(Double.init)
    guard let trend = Trend(times: times, values: numbers), trend.chance < highestChance
    else { return nil }
    let growth = trend.slope * (last - first)
    guard growth >= least, deepestFall(numbers) <= growth / 4 else { return nil }
    let half = values.count / 2
    let later = Trend(times: Array(times[half...]), values: Array(numbers[half...]))
    guard let later, later.slope >= trend.slope / 2 else { return nil }
    return trend
  }

  /// How far the values ever fell below what they had been.
  private static func deepestFall(_ values: [Double]) -> Double {
    var (highest, fall) = (-Double.infinity, 0.0)
    for value in values {
      highest = max(highest, value)
      fall = max(fall, highest - value)
    }
    return fall
  }
}
