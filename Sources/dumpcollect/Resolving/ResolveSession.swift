import Symbolizer

/// Answers questions as they come, and keeps the files it opened for the next ones.
final class ResolveSession {
  /// What became of the questions so far.
  private(set) var outcomes = Outcomes()
  private let resolver: AddressResolver
  private let style: AnswerStyle
  private let object: String?
  private let kind: AddressResolver.AddressKind
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
    for (index, query) in queries.enumerated() {
      let why = complaint(about: query, line: lines[index])
      outcomes.add(why == nil ? .complete : .nothingDone)
      output += style.answer(answers[index], address: query.address, why: why)
      if output.count >= 256 << 10 {
        try StandardOutput.write(output)
        output.removeAll(keepingCapacity: true)
      }
    }
    try StandardOutput.write(output)
  }

  private func resolve(_ queries: [AddressQuery]) -> [ResolvedAddress?] {
    var answers: [ResolvedAddress?] = Array(repeating: nil, count: queries.count)
    var indicesByFile: [String: [Int]] = [:]
    for (index, query) in queries.enumerated() where query.address != nil {
      if let file = query.file { indicesByFile[file, default: []].append(index) }
    }
    for (file, indices) in indicesByFile.sorted(by: { $0.key < $1.key }) {
      guard refusedFiles[file] == nil else { continue }
      do throws(SymbolizerError) {
        let addresses = indices.compactMap { queries[$0].address }
        let resolved = try resolver.resolve(addresses, in: file, kind: kind)
        for (index, answer) in zip(indices, resolved) { answers[index] = answer }
      } catch {
        refusedFiles[file] = error.problem
        note(error.description)
      }
    }
    return answers
  }

  /// Why a question has no answer, where that is not for lack of symbols.
  private func complaint(about query: AddressQuery, line: Substring) -> String? {
    if let file = query.file, let problem = refusedFiles[file] { return problem }
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
