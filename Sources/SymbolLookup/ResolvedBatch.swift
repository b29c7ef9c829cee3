/// What is known of the addresses of a batch: frames in numbers, texts in tables.
///
/// An address of optimized C++ has ten frames and more: as texts of their own those of 100,000 addresses would take
/// longer to make than to find. Immutable; a class because it is handed around once an address.
package final class ResolvedBatch: Sendable {
  /// The file that was asked.
  package let module: String
  /// As they were asked.
  package let addresses: [UInt64]
  /// In numbers.
  package let answer: ModuleAnswer
  private let names: ReadableNames
  private let symbols: SymbolTable
  /// Not all styles of output show them.
  private let aliases: LazyValue<AliasTable>

  init(
    module: String,
    addresses: [UInt64],
    answer: ModuleAnswer,
    names: ReadableNames,
    symbols: SymbolTable,
    aliases: @escaping @Sendable () -> AliasTable
  ) {
    self.module = module
    self.addresses = addresses
    self.answer = answer
    self.names = names
    self.symbols = symbols
    self.aliases = LazyValue(aliases)
  }

  /// The frames of the address at `index`, innermost first; none when nobody knows it.
  package func frames(at index: Int) -> ArraySlice<LookupFrame> { answer.frames(at: index) }

  /// The functions as people read them, by their numbers in frames.
  package var functions: some Collection<String> { names.names.lazy.map(\.full) }

  /// The source files, by their numbers in frames.
  package var paths: [String] { answer.paths }

  /// A frame's function as people read it; nil when it has none.
  package func function(of frame: LookupFrame) -> String? {
    frame.function == LookupFrame.none ? nil : names.names[Int(frame.function)].full
  }

  /// A frame's source file; nil when it is not known.
  package func file(of frame: LookupFrame) -> String? {
    frame.path == LookupFrame.none ? nil : answer.paths[Int(frame.path)]
  }

  /// What is known besides of a frame, by its index in what `frames(at:)` gives; nil unless it was asked for.
  package func origin(ofFrame index: Int) -> FrameOrigin? { answer.origin(ofFrame: index) }

  /// The file in which the frame's function is declared; nil when it is not known.
  package func file(of origin: FrameOrigin) -> String? {
    origin.path == LookupFrame.none ? nil : answer.paths[Int(origin.path)]
  }

  /// The source file that the symbol table states for the address at `index`, without its folder: of functions that
  /// others cannot use it has one, of the others it says nothing.
  package func symbolFile(at index: Int) -> String? {
    answer.symbol(at: index).flatMap { symbols.sourceFile(ofSymbol: $0) }
  }

  /// The frames of the address at `index` in words, innermost first; none when nobody knows it.
  package func readableFrames(at index: Int) -> [ReadableFrame] {
    let reason = answer.reason(at: index)
    var frames = answer.frames(at: index).map { names.frame($0, of: answer, reason: reason) }
    if !frames.isEmpty { frames[frames.count - 1].aliases = aliases.value[index] }
    return frames
  }

  /// Why the address at `index` has no frames, or its frames lack names.
  package func reason(at index: Int) -> String? { answer.reason(at: index) }
}
