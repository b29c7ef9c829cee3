import CommandOutput
import SymbolLookup

/// Answers questions as they come, and keeps the files it opened for the next ones.
final class ResolveSession {
  /// What became of the questions so far.
  private var outcomes = Outcomes()
  private let resolver: FileResolver
  private let style: AnswerStyle
  private let reading: Reading
  private let kind: FileResolver.AddressKind
  /// Answers that one of several threads puts into words at once: some 256 KiB of them.
  private static let shareSize = 256
  /// More text than this is written before there is more.
  private static let bufferBytes = 32 << 10
  /// Fewer shares are put into words in less time than it takes to start a thread.
  private static let sharesWorthAThread = 8
  /// Files that could not be used, each with the reason; each is named once.
  private var refusedFiles: [String: String] = [:]
  /// Files of the builds that were asked for.
  private var builds: [String: String] = [:]

  /// How questions are read.
  struct Reading {
    /// The file of all questions; nil where each names its own.
    var object: String?
    /// `object` is a build ID.
    var isBuildID = false
    var radix = AddressQuery.Radix.byPrefix
    /// Taken from each address.
    var adjustment: UInt64 = 0
    /// Addresses count from the start of this section.
    var section: String?
  }

  init(
    resolver: FileResolver,
    style: AnswerStyle,
    reading: Reading,
    kind: FileResolver.AddressKind
  ) {
    self.resolver = resolver
    self.style = style
    self.reading = reading
    self.kind = kind
  }

  /// Ends with the exit code that says what became of all questions; returns when every file was what it should be.
  func finish() throws {
    if resolver.hasRefusals { outcomes.add(.partial) }
    try outcomes.finish()
  }

  /// Answers each of the lines, in their order; the addresses of one file are resolved together.
  func answer(_ lines: [Substring]) throws(CommandError) {
    let queries = lines.map { query($0) }
    let answers = resolve(queries)
    var complaints: [Int: String] = [:]
    for (index, query) in queries.enumerated() {
      let why = complaint(about: query, line: lines[index])
      outcomes.add(why == nil ? .complete : .nothingDone)
      if let why { complaints[index] = why }
    }
    try write(answers, to: queries, complaints)
  }

  /// The question of a line; the file of a build that it names is looked for.
  private func query(_ line: Substring) -> AddressQuery {
    var query = AddressQuery(line, file: reading.object, radix: reading.radix)
    guard query.isBuildID || reading.isBuildID, let build = query.file else { return query }
    if let known = builds[build] {
      query.file = known
    } else if refusedFiles[build] == nil {
      do throws(SymbolizerError) {
        let path = try resolver.path(ofBuild: build)
        builds[build] = path
        query.file = path
      } catch {
        refusedFiles[build] = error.problem
        note(error.description)
      }
    }
    return query
  }

  /// The addresses of the file that are meant.
  private func places(_ addresses: [UInt64], in file: String) throws(SymbolizerError) -> [UInt64] {
    if let section = reading.section {
      let range = try resolver.range(ofSection: section, in: file)
      return addresses.map { address in
        let offset = address &- reading.adjustment
        // Behind the section is nothing of it, and nothing lies at the last address.
        return offset < UInt64(range.count) ? range.lowerBound + offset : .max
      }
    }
    guard reading.adjustment != 0 else { return addresses }
    return addresses.map { $0 &- reading.adjustment }
  }

  /// Writes the answers in the order of the questions; many are put into words by several threads.
  private func write(
    _ answers: Answers,
    to queries: [AddressQuery],
    _ complaints: [Int: String]
  ) throws(CommandError) {
    let shareCount = (queries.count + Self.shareSize - 1) / Self.shareSize
    guard shareCount >= Self.sharesWorthAThread, resolver.jobs > 1 else {
      // One buffer for all: fresh memory costs more than the words.
      var text: [UInt8] = []
      for index in queries.indices {
        Self.write(style, index, of: answers, queries[index], why: complaints[index], to: &text)
        guard text.count >= Self.bufferBytes else { continue }
        try StandardOutput.write(text)
        text.removeAll(keepingCapacity: true)
      }
      return try StandardOutput.write(text)
    }
    let (style, counter) = (style, WorkCounter(end: shareCount))
    let output = OrderedOutput()
    _ = WorkerPool.run(workerCount: min(resolver.jobs, shareCount)) {
      while let share = counter.next() {
        let end = min(queries.count, (share + 1) * Self.shareSize)
        var text: [UInt8] = []
        for index in share * Self.shareSize..<end {
          Self.write(style, index, of: answers, queries[index], why: complaints[index], to: &text)
        }
        output.write(text, as: share)
      }
    }
    try output.finish()
  }

  /// Appends the answer to the question of a number.
  private static func write(
    _ style: AnswerStyle,
    _ index: Int,
    of answers: Answers,
    _ query: AddressQuery,
    why: String?,
    to text: inout [UInt8]
  ) {
    if style.isList, index > 0 { text.append(UInt8(ascii: ",")) }
    switch query.subject {
    case .code: break
    case .variable:
      let variable = answers.variables[index]
      return style.write(variable, module: query.file, address: query.address, to: &text)
    case .frame:
      return style.writeNoVariables(module: query.file, address: query.address, to: &text)
    }
    let place = answers.places[index]
    style.write(
      place.batch < 0 ? nil : answers.batches[Int(place.batch)],
      at: Int(place.index),
      module: query.file,
      address: query.address,
      why: why,
      to: &text
    )
  }

  /// Answers, file by file.
  private struct Answers: Sendable {
    var batches: [ResolvedBatch] = []
    /// By question: its batch, or -1, and its number in there.
    var places: [(batch: Int32, index: Int32)]
    /// By question, of those that ask for a variable.
    var variables: [Int: Variable] = [:]
  }

  private func resolve(_ queries: [AddressQuery]) -> Answers {
    var answers = Answers(places: Array(repeating: (-1, 0), count: queries.count))
    for (file, indices) in Self.byFile(queries) where refusedFiles[file] == nil {
      do throws(SymbolizerError) {
        let addresses = try places(indices.compactMap { queries[$0].address }, in: file)
        let others = indices.indices.filter { queries[indices[$0]].subject != .code }
        for number in others where queries[indices[number]].subject == .variable {
          answers.variables[indices[number]] =
            try resolver.variable(at: addresses[number], in: file)
        }
        guard others.count < indices.count else { continue }
        let batch = try resolver.resolve(
          addresses,
          in: file,
          kind: kind,
          details: style.details
        )
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
        // Mostly there is one file: no table is made for it.
        if groups.count == 1, numbers.isEmpty { numbers[groups[0].file] = 0 }
        last = groups.isEmpty ? 0 : numbers[file] ?? groups.count
        if last == groups.count {
          if !groups.isEmpty { numbers[file] = last }
          groups.append((file, []))
        }
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
