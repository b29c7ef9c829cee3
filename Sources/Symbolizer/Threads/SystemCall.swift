/// Names of the kernel's system calls.
enum SystemCall {
  /// The call's name, its number where the name is not known, nil for no call at all.
  static func text(of number: Int64, on machine: ELFMachine) -> String? {
    // −1: the thread was blocked, but not in a system call.
    guard number >= 0 else { return nil }
    return table(of: machine)[number] ?? String(number)
  }

  private static func table(of machine: ELFMachine) -> [Int64: String] {
    switch machine {
    case .x86_64: x86_64
    case .aarch64: aarch64
    default: [:]
    }
  }

  private static let x86_64 = parsed(SystemCallNames.x86_64)
  private static let aarch64 = parsed(SystemCallNames.aarch64)

  private static func parsed(_ text: String) -> [Int64: String] {
    var names: [Int64: String] = [:]
    var number: Int64 = 0
    for word in text.split(whereSeparator: \.isWhitespace) {
      if word.hasPrefix("=") {
        number = Int64(word.dropFirst()) ?? number
      } else {
        names[number] = String(word)
        number += 1
      }
    }
    return names
  }
}
