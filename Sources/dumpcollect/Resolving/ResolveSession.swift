import Symbolizer

/// Answers questions as they come, and keeps the files it opened for the next ones.
final class ResolveSession {
  /// What became of the questions so far.
  private(set) var outcomes = Outcomes()
  private let resolver: AddressResolver
  private let style: AnswerStyle
  private let object: String?
  private let kind: AddressResolver.AddressKind
  /// Answers are written when they are more than this: 256 KiB.
  private static let outputBytes = 256 << 10
  /// Files that could not be used, each with the reason; each is named once.
  private var refusedFiles: [String: String] = [:]

  init(
    resolver: AddressResolver,
    style: AnswerStyle,
    object: String?,
    kind: AddressResolver.AddressKind
  ) {
    self.resolver = resolver
    self.style = style
    self.object = object
    self.kind = kind
  }

  /// Answers each of the lines, in their order; the addresses of one file are resolved together.
  func answer(_ lines: [Substring]) throws(CommandError) {
    let radix: AddressQuery.Radix = style.kind == .gnu ? .hexadecimal : .byPrefix
    let queries = lines.map { AddressQuery($0, file: object, radix: radix) }
    let answers = resolve(queries)
    var output: [UInt8] = []
    output.reserveCapacity(min(lines.count * 2048, Self.outputBytes * 2))
    for (index, query) in queries.enumerated() {
      let why = complaint(about: query, line: lines[index])
      outcomes.add(why == nil ? .complete : .nothingDone)
      let place = answers.places[index]
      let batch = place.batch < 0 ? nil : answers.batches[Int(place.batch)]
      style.write(batch, at: Int(place.index), address: query.address, why: why, to: &output)
      if output.count >= Self.outputBytes {
        try StandardOutput.write(output)
        output.removeAll(keepingCapacity: true)
      }
    }
    try StandardOutput.write(output)
  }

  /// Answers, file by file.
  private struct Answers {
    var batches: [ResolvedBatch] = []
    /// By question: its batch, or -1, and its number in there.
    var places: [(batch: Int32, index: Int32)]
  }

  private func resolve(_ queries: [AddressQuery]) -> Answers {
    var answers = Answers(places: Array(repeating: (-1, 0), count: queries.count))
    for (file, indices) in Self.byFile(queries) where refusedFiles[file] == nil {
      do throws(SymbolizerError) {
        let addresses = indices.compactMap { queries[$0].address }
        let batch = try resolver.resolveBatch(addresses, in: file, kind: kind)
        for (number, index) in indices.enumerated() {
          answers.places[index] = (Int32(answers.batches.count), Int32(number))
        }
        answers.batches.append(batch)
      } catch {
        refusedFiles[file] = error.problem
        note(error.description)
      }
    }
    return answers
  }

  /// The questions of each file, by their numbers; those without file or address have no answer.
  private static func byFile(_ queries: [AddressQuery]) -> [(file: String, indices: [Int])] {
    var groups: [(file: String, indices: [Int])] = []
    var numbers: [String: Int] = [:]
    // Questions about one file follow each other.
    var last = -1
    for (index, query) in queries.enumerated() where query.address != nil {
      guard let file = query.file else { continue }
      if last < 0 || groups[last].file != file {
        last = numbers[file] ?? groups.count
        numbers[file] = last
        if last == groups.count { groups.append((file, [])) }
      }
      groups[last].indices.append(index)
    }
    return groups.sorted { $0.file < $1.file }
  }

  /// Why a question has no answer, where that is not for lack of symbols.
  private func complaint(about query: AddressQuery, line: Substring) -> String? {
    if !refusedFiles.isEmpty, let file = query.file, let problem = refusedFiles[file] {
      return problem
    }
    if query.address == nil {
      let problem = "expected an address, found “\(line.prefix(200))”"
      note(problem)
      return problem
    }
    guard query.file == nil else { return nil }
    let problem = "no file is named: --obj FILE, or FILE ADDR"
    note(problem)
    return problem
  }
}
