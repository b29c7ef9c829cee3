/// How the page's data writes what many rows have: a column at a time.
///
/// A column without values is left out, one whose values are all the same is that value, and one that grows from row to
/// row holds the differences.
extension JSONWriter {
  /// Numbers from -1, which says that there is none, on.
  mutating func column(_ name: String, _ values: [Int], absent: Int = StringTable.none) {
    guard let first = values.first else { return }
    guard !values.allSatisfy({ $0 == first }) else {
      if first != absent { field(name, first) }
      return
    }
    key(name)
    array(values) { $0.number($1) }
  }

  /// Numbers that may be large and lie close together: ids, addresses.
  ///
  /// Readers of JSON round numbers above 2^53: where there is one all are texts.
  mutating func wideColumn(_ name: String, _ values: [UInt64]) {
    guard values.contains(where: { $0 != 0 }) else { return }
    key(name)
    guard values.allSatisfy({ $0 < 1 << 53 }) else {
      return array(values) { $0.string(String($1)) }
    }
    object { json in
      json.key("d")
      var last: Int64 = 0
      json.array(values) { json, value in
        let value = Int64(truncatingIfNeeded: value)
        json.number(value - last)
        last = value
      }
    }
  }

  /// What few rows have, by the number of the row.
  mutating func sparse<Rows: Sequence>(
    _ name: String,
    _ rows: Rows,
    _ write: (inout JSONWriter, Rows.Element) -> Bool
  ) {
    var inner = JSONWriter(escapesMarkup: true)
    var isEmpty = true
    inner.object { json in
      for (index, row) in rows.enumerated() {
        var value = JSONWriter(escapesMarkup: true)
        guard write(&value, row) else { continue }
        isEmpty = false
        json.key(String(index))
        json.raw(value.bytes)
      }
    }
    guard !isEmpty else { return }
    key(name)
    raw(inner.bytes)
  }
}
