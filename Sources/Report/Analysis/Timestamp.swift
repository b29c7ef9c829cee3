package import FoundationEssentials

/// Points in time as RFC 3339 text in UTC: how archives and JSON write them.
package enum Timestamp {
  /// The text, `2026-03-01T09:05:00.250000Z`, or nil outside the years 0 to 9999.
  ///
  /// Of the 9 digits after the second, rounded to the nearest nanosecond, the first `fractionDigits` are
  /// shown.
  package static func text(_ date: Date, fractionDigits: Int) -> String? {
    let seconds = date.timeIntervalSinceReferenceDate
    guard seconds.isFinite, abs(seconds) < 1e12 else { return nil }
    var whole = Int64(seconds.rounded(.down))
    var nanoseconds = Int64(((seconds - seconds.rounded(.down)) * 1e9).rounded())
    if nanoseconds >= 1_000_000_000 {
      whole += 1
      nanoseconds -= 1_000_000_000
    }
    whole += referenceSeconds
    let days = (Double(whole) / 86_400).rounded(.down)
    let secondOfDay = whole - Int64(days) * 86_400
    let (year, month, day) = civil(daysSinceEpoch: Int64(days))
    guard (0...9999).contains(year) else { return nil }
    var text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
    text += "\(padded(secondOfDay / 3600, 2)):\(padded(secondOfDay / 60 % 60, 2))"
    text += ":\(padded(secondOfDay % 60, 2))"
    if fractionDigits > 0 { text += ".\(padded(nanoseconds, 9).prefix(fractionDigits))" }
    return text + "Z"
  }

  /// The point in time of such a text, or nil when it is not one.
  package static func date(_ text: String) -> Date? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 30, bytes.last == UInt8(ascii: "Z") else { return nil }
    for (index, separator) in [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")] {
      guard bytes[index] == separator.utf8.first else { return nil }
    }
    guard let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
      let day = number(bytes[8..<10]), let hour = number(bytes[11..<13]),
      let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    var nanoseconds: Int64 = 0
    if bytes.count > 20 {
      let digits = bytes[20..<(bytes.count - 1)]
      guard bytes[19] == UInt8(ascii: "."), !digits.isEmpty, let value = number(digits) else {
        return nil
      }
      nanoseconds = value
      for _ in digits.count..<9 { nanoseconds *= 10 }
    }
    let days = daysSinceEpoch(year: year, month: month, day: day)
    let whole = days * 86_400 + hour * 3600 + minute * 60 + second - referenceSeconds
    return Date(timeIntervalSinceReferenceDate: Double(whole) + Double(nanoseconds) / 1e9)
  }

  /// 2001-01-01, where `Date` counts from, in seconds since 1970.
  private static let referenceSeconds: Int64 = 978_307_200

  private static func padded(_ value: some BinaryInteger, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for digit in digits {
      guard (0x30...0x39).contains(digit) else { return nil }
      value = value * 10 + Int64(digit - 0x30)
    }
    return value
  }

  /// Proleptic Gregorian calendar, counted in eras of 400 years that begin on 1 March.
  private static func civil(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = daysSinceEpoch + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

extension Date {
  /// A point in time as the kernel counts it.
  package init(nanosecondsSince1970 nanoseconds: UInt64) {
    let seconds = Double(nanoseconds / 1_000_000_000)
    self.init(
      timeIntervalSince1970: seconds + Double(nanoseconds % 1_000_000_000) / 1_000_000_000
    )
  }
}
