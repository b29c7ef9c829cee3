import ArgumentParser
import Resolving
import Symbolizer

/// `dumpcollect resolve`: addresses of ELF files to functions and lines.
struct ResolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve",
    abstract: "Turn addresses of a file into functions and lines.",
    discussion: """
      Addresses are those of the file (ELF virtual addresses). Without arguments they are read from standard \
      input, ADDR or FILE ADDR a line, and each line is answered at once. Styles: LLVM as llvm-symbolizer \
      prints, GNU as addr2line (hexadecimal addresses; functions, inline frames and demangling with -f -i -C), \
      JSON one object a line.
      """
  )

  @Argument(help: ArgumentHelp("Addresses, or “FILE ADDR” in one argument.", valueName: "addr"))
  var addresses: [String] = []

  @Option(
    name: [.customLong("obj"), .customShort("e"), .customLong("exe")],
    help: ArgumentHelp("The file that the addresses belong to.", valueName: "file")
  )
  var object: String?

  @Option(
    name: .customLong("output-style"),
    help: "JSON, LLVM or GNU; LLVM-JSON for llvm-symbolizer's own JSON."
  )
  var outputStyle = AnswerStyle.Kind.llvm

  @Flag(
    name: [.customShort("f"), .customLong("functions")],
    help: "Print functions (always, but in GNU style)."
  )
  var showsFunctions = false

  @Flag(
    name: [.customShort("i"), .customLong("inlines")],
    help: "Print inline frames (always, but in GNU style)."
  )
  var showsInlines = false

  @Flag(name: .customLong("no-inlines"), help: "Print one frame an address.")
  var hidesInlines = false

  @Flag(
    name: [.customShort("C"), .customLong("demangle")],
    help: "Demangle (always, but in GNU style)."
  )
  var demangles = false

  @Flag(name: .customLong("no-demangle"), help: "Print names as in the symbol table.")
  var keepsMangled = false

  @Flag(name: [.customShort("a"), .customLong("addresses")], help: "Print each address first.")
  var showsAddresses = false

  @Flag(name: [.customShort("p"), .customLong("pretty-print")], help: "Print a frame a line.")
  var isPretty = false

  @Flag(
    name: [.customShort("s"), .customLong("basenames")],
    help: "Print file names without folders."
  )
  var showsBaseNames = false

  @Flag(
    name: .customLong("verbose"),
    help: "Print also where functions begin and are declared (LLVM style)."
  )
  var isVerbose = false

  @Flag(
    name: .customLong("return-addresses"),
    help: "The addresses are return addresses: describe the call before each."
  )
  var areReturnAddresses = false

  @OptionGroup var symbolizer: SymbolizerArguments

  func validate() throws {
    if demangles && keepsMangled {
      throw ValidationError("-C and --no-demangle say the opposite of each other")
    }
    if showsInlines && hidesInlines {
      throw ValidationError("-i and --no-inlines say the opposite of each other")
    }
  }

  func run() throws { try request().run() }

  /// What the arguments ask for.
  func request() throws(CommandError) -> ResolveRequest {
    var request = ResolveRequest()
    request.addresses = addresses
    request.object = object
    request.outputStyle = outputStyle
    request.showsFunctions = showsFunctions
    request.showsInlines = showsInlines
    request.hidesInlines = hidesInlines
    request.demangles = demangles
    request.keepsMangled = keepsMangled
    request.showsAddresses = showsAddresses
    request.isPretty = isPretty
    request.showsBaseNames = showsBaseNames
    request.isVerbose = isVerbose
    request.areReturnAddresses = areReturnAddresses
    request.options = try symbolizer.options().lookup
    return request
  }
}

extension AnswerStyle.Kind: ExpressibleByArgument {}
