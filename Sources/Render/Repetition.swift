/// Elements that follow one another several times, as the frames of a recursion do.
struct Repetition: Equatable {
  /// The first time they stand there.
  var frames: Range<Int>
  /// How often they do; 1 for what is not repeated.
  var count: Int
}

/// The elements in their order, taken apart into what is repeated at once and what is not.
///
/// Sequences of up to 8 are looked for, the shortest first, from three times on: a recursion goes through some
/// functions, each with the calls that were inlined into it. The cost is linear in the number of elements.
func repetitions(in elements: [some Equatable]) -> [Repetition] {
  var result: [Repetition] = []
  var start = 0
  while start < elements.count {
    if let run = repetition(in: elements, at: start) {
      result.append(run)
      start += run.frames.count * run.count
    } else {
      result.append(Repetition(frames: start..<(start + 1), count: 1))
      start += 1
    }
  }
  return result
}

private func repetition(in elements: [some Equatable], at start: Int) -> Repetition? {
  for length in 1...8 {
    var end = start + length
    while end < elements.count, elements[end] == elements[end - length] { end += 1 }
    let count = (end - start) / length
    if count >= 3 { return Repetition(frames: start..<(start + length), count: count) }
  }
  return nil
}
