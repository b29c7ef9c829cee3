/// A frame of an answer in words.
package struct ReadableFrame: Sendable {
  /// Demangled in full, with parameters.
  package var function: String?
  /// As in the symbol table or `DW_AT_linkage_name`; nil when it equals `function`.
  package var linkage: String?
  /// Other names of the same code, demangled in full.
  package var aliases: [String] = []
  /// Swift simplified; nil when it equals `function`.
  package var shortFunction: String?
  /// Source file, absolute where the debug information says so.
  package var file: String?
  /// Nil when unknown.
  package var line: UInt32?
  /// Nil when unknown.
  package var column: UInt32?
  /// The frame exists in the source only; the frame it was inlined into follows.
  package var isInlined = false
  /// Why there is no function.
  package var unknown: String?
}
