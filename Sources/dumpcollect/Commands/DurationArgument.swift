import ArgumentParser

/// A length of time as people type it: `5s`, `500ms`, `2m`, `1h`, or a bare number of seconds.
struct DurationArgument: ExpressibleByArgument {
  var duration: Duration

  init(_ duration: Duration) {
    self.duration = duration
  }

  init?(argument: String) {
    let units: [(suffix: String, seconds: Double)] = [
      ("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("", 1),
    ]
    guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
      let number = Double(argument.dropLast(unit.suffix.count)), number.isFinite, number >= 0,
      // A year is for ever, and far from what overflows.
      number * unit.seconds <= 31_536_000
    else { return nil }
    duration = .seconds(number * unit.seconds)
  }

  var defaultValueDescription: String { duration.formattedSeconds }
}

extension Duration {
  /// `5s`, `0.5s`.
  var formattedSeconds: String {
    let seconds = Double(components.seconds) + Double(components.attoseconds) / 1e18
    let text = String((seconds * 1000).rounded() / 1000)
    return (text.hasSuffix(".0") ? String(text.dropLast(2)) : text) + "s"
  }

  /// `45s`, `12m`, `3h 5m`, `12d 4h`: two units at most.
  var formattedRoughly: String {
    let seconds = components.seconds
    return switch seconds {
    case ..<60: "\(max(0, seconds))s"
    case ..<3600: "\(seconds / 60)m"
    case ..<86_400: "\(seconds / 3600)h \(seconds / 60 % 60)m"
    default: "\(seconds / 86_400)d \(seconds / 3600 % 24)h"
    }
  }
}
