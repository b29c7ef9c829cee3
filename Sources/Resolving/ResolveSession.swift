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
  /// Answers that one of several threads puts into words at once: some 128 KiB of them.
  private static let shareSize = 128
  /// Shares that are kept for each thread, to be written in their order.
  private static let keptShares = 2
  /// Fewer answers are written in less time than it takes to put their names together.
  private static let manyAnswers = 64
  /// So many answers are put into words before their text is counted.
  private static let fewAnswers = 16
  /// More text than this is written before there is more.
  private static let bufferBytes = 32 << 10
  /// Fewer shares are put into words in less time than it takes to start a thread.
  private static let sharesWorthAThread = 16
  /// Files that could not be used, each with the reason; each is named once.
  private var refusedFiles: [String: String] = [:]
  /// Answers to questions that came alone.
  private var memory = AnswerMemory()
  private var wasAsked = false
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
    if resolver.isIncomplete { outcomes.add(.partial) }
    try outcomes.finish()
  }

  /// Answers the lines that are there, in their order; the addresses of one file are resolved together.
  ///
  /// False at the end of input.
  func answer(_ input: inout LineReader) throws(CommandError) -> Bool {
    guard let queries = try nextQueries(&input) else { return false }
    var text: [UInt8] = []
    if let (address, file) = Self.only(queries), memory.append(address, of: file, to: &text) {
      outcomes.add(.complete)
      try StandardOutput.write(text)
    } else {
      try answer(queries)
    }
    return true
  }

  /// The one question there is, if it is one for code at an address of a file.
  private static func only(_ queries: QueryList) -> (address: UInt64, file: String)? {
    guard queries.queries.count == 1, !queries.hasIncomplete, queries.builds.isEmpty,
      let query = queries.queries.first, query.subject == .code, let file = query.file
    else { return nil }
    return (query.address, queries.files[file])
  }

  /// Keeps the answer to the only question, unless it is the first: who asks for the first time may be who asks once.
  ///
  /// What is wrong with the debug information is told with each answer that it may be missing in.
  private func keep(_ text: [UInt8], _ answers: Answers, to queries: QueryList) {
    defer { wasAsked = true }
    guard wasAsked, !text.isEmpty, let (address, file) = Self.only(queries),
      let found = answers.batches.first, let found, found.answer.answer.problems.isEmpty
    else { return }
    memory.keep(text, for: address, of: file)
  }

  /// The lines themselves are gone before they are answered.
  private func nextQueries(_ input: inout LineReader) throws(CommandError) -> QueryList? {
    guard let lines = try input.nextLines() else { return nil }
    return QueryList(lines: lines, reading)
  }

  /// Answers arguments, in the same way.
  func answer(_ texts: [String]) throws(CommandError) {
    try answer(QueryList(texts, reading))
  }

  private func answer(_ asked: QueryList) throws(CommandError) {
    var queries = asked
    findBuilds(&queries)
    let answers = resolve(queries)
    var complaints: [Int: String] = [:]
    if queries.hasIncomplete || !refusedFiles.isEmpty {
      for (index, query) in queries.queries.enumerated() {
        guard let why = complaint(about: query, of: queries, at: index) else { continue }
        complaints[index] = why
      }
    }
    outcomes.add(.nothingDone, count: complaints.count)
    outcomes.add(.complete, count: queries.queries.count - complaints.count)
    try write(answers, to: queries, complaints)
  }

  /// Looks for the files of the builds that are named.
  private func findBuilds(_ queries: inout QueryList) {
    for number in queries.builds.sorted() {
      let build = queries.files[number]
      if let known = builds[build] {
        queries.rename(number, to: known)
      } else if refusedFiles[build] == nil {
        do throws(SymbolizerError) {
          let path = try resolver.path(ofBuild: build)
          builds[build] = path
          queries.rename(number, to: path)
        } catch {
          refusedFiles[build] = error.problem
          note(error.description)
        }
      }
    }
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
    to queries: QueryList,
    _ complaints: [Int: String]
  ) throws(CommandError) {
    let count = queries.queries.count
    let shareCount = (count + Self.shareSize - 1) / Self.shareSize
    guard shareCount >= Self.sharesWorthAThread, resolver.jobs > 1 else {
      // One buffer for all: fresh memory costs more than the words.
      var text: [UInt8] = []
      var start = 0
      while start < count {
        let end = min(count, start + Self.fewAnswers)
        Self.write(style, start..<end, of: answers, queries, complaints, to: &text)
        start = end
        guard text.count >= Self.bufferBytes else { continue }
        try StandardOutput.write(text)
        text.removeAll(keepingCapacity: true)
      }
      keep(text, answers, to: queries)
      return try StandardOutput.write(text)
    }
    let (style, counter) = (style, WorkCounter(end: shareCount))
    let workerCount = min(resolver.jobs, shareCount)
    let output = OrderedOutput(window: workerCount * Self.keptShares)
    _ = WorkerPool.run(workerCount: workerCount) {
      while let share = counter.next() {
        let end = min(count, (share + 1) * Self.shareSize)
        var text = output.buffer()
        let range = share * Self.shareSize..<end
        Self.write(style, range, of: answers, queries, complaints, to: &text)
        output.write(text, as: share)
      }
    }
    try output.finish()
  }

  /// Appends the answers to some of the questions.
  private static func write(
    _ style: AnswerStyle,
    _ range: Range<Int>,
    of answers: Answers,
    _ queries: QueryList,
    _ complaints: [Int: String],
    to text: inout [UInt8]
  ) {
    var start = range.lowerBound
    while start < range.upperBound {
      let file = queries.queries[start].file
      var end = start + 1
      while end < range.upperBound, queries.queries[end].file == file { end += 1 }
      let module = file.map { queries.files[$0] }
      if let file, let (batch, texts) = answers.batches[file] {
        let answer = batch.answer
        var found: AnswerStyle.Frames
        if let texts {
          found = AnswerStyle.Frames(module: module, batch, answer.allFrames, texts.words)
          write(style, start..<end, &found, of: answers, queries, complaints, to: &text)
        } else {
          found = AnswerStyle.Frames(module: module, batch, answer.allFrames, nil)
          write(style, start..<end, &found, of: answers, queries, complaints, to: &text)
        }
      } else {
        var found = AnswerStyle.Frames(module: module, nil, nil, nil)
        write(style, start..<end, &found, of: answers, queries, complaints, to: &text)
      }
      start = end
    }
  }

  /// The same of questions that follow each other about one file.
  private static func write(
    _ style: AnswerStyle,
    _ range: Range<Int>,
    _ found: inout AnswerStyle.Frames,
    of answers: Answers,
    _ queries: QueryList,
    _ complaints: [Int: String],
    to text: inout [UInt8]
  ) {
    let (all, numbers) = (queries.queries.span, answers.numbers.span)
    for index in range {
      let query = all[index]
      let address = query.hasAddress ? query.address : nil
      if style.isList, index > 0 { text.append(UInt8(ascii: ",")) }
      switch query.subject {
      case .code:
        found.select(address == nil ? nil : Int(numbers[index]))
        style.write(found, address: address, why: complaints[index], to: &text)
      case .variable:
        let variable = answers.variables[index]
        style.write(variable, module: found.module, address: address, to: &text)
      case .frame:
        style.writeNoVariables(module: found.module, address: address, to: &text)
      }
    }
  }

  /// Answers, file by file.
  private struct Answers: Sendable {
    /// By number of the file; nil where nobody asked for code, or the file was refused.
    var batches: [(answer: ResolvedBatch, texts: AnswerTexts?)?]
    /// By question: its number in its file's batch.
    var numbers: [Int32]
    /// By question, of those that ask for a variable.
    var variables: [Int: Variable] = [:]
  }

  private func resolve(_ queries: QueryList) -> Answers {
    var addresses: [[UInt64]] = Array(repeating: [], count: queries.files.count)
    // Mostly there is one file.
    if addresses.count == 1 { addresses[0].reserveCapacity(queries.queries.count) }
    var variables: [Int: [Int]] = [:]
    var answers = Answers(
      batches: Array(repeating: nil, count: queries.files.count),
      numbers: Array(repeating: 0, count: queries.queries.count)
    )
    for (index, query) in queries.queries.enumerated() where query.hasAddress {
      guard let file = query.file else { continue }
      switch query.subject {
      case .code:
        answers.numbers[index] = Int32(addresses[file].count)
        addresses[file].append(query.address)
      case .variable: variables[file, default: []].append(index)
      case .frame: break
      }
    }
    let order = queries.files.indices.sorted { queries.files[$0] < queries.files[$1] }
    for number in order where refusedFiles[queries.files[number]] == nil {
      let file = queries.files[number]
      do throws(SymbolizerError) {
        for index in variables[number] ?? [] {
          let place = try places([queries.queries[index].address], in: file)[0]
          answers.variables[index] = try resolver.variable(at: place, in: file)
        }
        guard !addresses[number].isEmpty else { continue }
        let batch = try resolver.resolve(
          try places(addresses[number], in: file),
          in: file,
          kind: kind,
          details: style.details
        )
        let isMany = style.writesTexts && addresses[number].count >= Self.manyAnswers
        answers.batches[number] = (batch, isMany ? AnswerTexts(of: batch, style) : nil)
        addresses[number] = []
      } catch {
        refusedFiles[file] = error.problem
        note(error.description)
      }
    }
    return answers
  }

  /// Why a question has no answer, where that is not for lack of symbols.
  private func complaint(
    about query: QueryList.Query,
    of queries: QueryList,
    at index: Int
  ) -> String? {
    if let file = query.file, let problem = refusedFiles[queries.files[file]] { return problem }
    if let text = queries.oddTexts[index] {
      let problem = "expected an address, found “\(text)”"
      note(problem)
      return problem
    }
    guard query.file == nil else { return nil }
    let problem = "no file is named: --obj FILE, or FILE ADDR"
    note(problem)
    return problem
  }
}
