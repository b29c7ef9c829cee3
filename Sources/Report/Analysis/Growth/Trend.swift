import Glibc

/// How a series of values develops, told in a way that single values do not sway.
///
/// The slope is the median of the slopes between all pairs of values (Theil 1950; Sen, “Estimates of the regression coefficient based
/// on Kendall's tau”, JASA 63, 1968): up to 29 % of the values may be anything. Whether it is more than chance is Kendall's
/// test of the order of all pairs (Mann, Econometrica 13, 1945), in its normal approximation with the correction for equal values.
/// The cost is quadratic in the number of values.
public struct Trend: Sendable, Equatable {
  /// Change a second.
  public let slope: Double
  /// Where the true slope lies in 95 of 100 cases.
  public let slopeRange: ClosedRange<Double>
  /// How likely values without a trend rise as clearly as these.
  public let chance: Double

  /// The trend of values at ascending times in seconds; nil for less than three of them.
  public init?(times: [Double], values: [Double]) {
    guard times.count == values.count, values.count >= 3 else { return nil }
    var slopes: [Double] = []
    slopes.reserveCapacity(values.count * (values.count - 1) / 2)
    var order = 0
    for later in values.indices {
      for earlier in 0..<later {
        let difference = values[later] - values[earlier]
        order += difference > 0 ? 1 : difference < 0 ? -1 : 0
        let time = times[later] - times[earlier]
        if time > 0 { slopes.append(difference / time) }
      }
    }
    guard !slopes.isEmpty else { return nil }
    slopes.sort()
    slope = Self.median(ofSorted: slopes)
    let variance = Self.variance(of: values)
    guard variance > 0 else {
      (chance, slopeRange) = (1, slope...slope)
      return
    }
    let deviation = variance.squareRoot()
    // Continuity: the order changes in steps of two.
    let distance = Double(order - order.signum()) / deviation
    chance = 0.5 * erfc(distance / 2.0.squareRoot())
    let margin = 1.96 * deviation
    let low = Int(((Double(slopes.count) - margin) / 2).rounded(.down))
    let high = Int(((Double(slopes.count) + margin) / 2).rounded(.up))
    slopeRange = slopes[max(0, low)]...slopes[min(slopes.count - 1, high)]
  }

  private static func median(ofSorted values: [Double]) -> Double {
    let middle = values.count / 2
    return values.count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
  }

  /// Of the order of all pairs, when there is no trend.
  private static func variance(of values: [Double]) -> Double {
    func term(_ count: Int) -> Double {
      let count = Double(count)
      return count * (count - 1) * (2 * count + 5)
    }
    var ties: [Double: Int] = [:]
    for value in values { ties[value, default: 0] += 1 }
    return (term(values.count) - ties.values.reduce(0) { $0 + term($1) }) / 18
  }
}
