/// Texts of the page by number, each once, and safe to show: what a terminal would obey is an escape here too.
///
/// Marks that turn the direction of writing would let a name pass for another one in a browser as well.
struct StringTable {
  /// Stands for a text that is not there.
  static let none = -1

  private(set) var texts: [String] = []
  private var numbers: [String: Int] = [:]

  /// The number of a text.
  mutating func number(_ text: String?) -> Int {
    guard let text else { return Self.none }
    if let number = numbers[text] { return number }
    let number = texts.count
    numbers[text] = number
    texts.append(visible(text))
    return number
  }
}
