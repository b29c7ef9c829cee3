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
    name: .customLong("build-id"),
    help: ArgumentHelp(
      "The build ID of that file, which is looked for in .build-id of debug directories.",
      valueName: "hex"
    )
  )
  var buildID: String?

  @Option(
    name: [.customShort("j"), .customLong("section")],
    help: ArgumentHelp("Addresses count from the start of this section.", valueName: "name")
  )
  var section: String?

  @Option(
    name: .customLong("adjust-vma"),
    help: ArgumentHelp("What to take from each address.", valueName: "number"),
    transform: Self.number
  )
  var adjustment: UInt64 = 0

  @Option(
    name: .customLong("dwp"),
    help: ArgumentHelp("A package of split files, wherever it lies.", valueName: "file")
  )
  var packages: [String] = []

  @Option(
    name: .customLong("output-style"),
    help: "JSON, LLVM or GNU; LLVM-JSON and LLVM-GNU for those of llvm-symbolizer."
  )
  var outputStyle = AnswerStyle.Kind.llvm

  @Flag(
    name: [.customShort("f"), .customLong("functions")],
    help: "Print functions (always, but in GNU style)."
  )
  var showsFunctions = false

  @Flag(name: .customLong("no-functions"), help: "Print places alone.")
  var hidesFunctions = false

  @Flag(
    name: .customLong("plain-names"),
    help: "Print functions as in the source: without namespace, class and parameters."
  )
  var showsPlainNames = false

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
    name: .customLong("relative-names"),
    help: "Print file names without the folder that the compiler ran in."
  )
  var showsRelativeNames = false

  @Flag(help: "Numbers are hexadecimal, with or without 0x (always in GNU style).")
  var hexadecimal = false

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
    if showsFunctions && hidesFunctions {
      throw ValidationError("-f and --no-functions say the opposite of each other")
    }
    if object != nil && buildID != nil {
      throw ValidationError("--obj and --build-id each name a file: give one of them")
    }
    if showsInlines && hidesInlines {
      throw ValidationError("-i and --no-inlines say the opposite of each other")
    }
  }

  func run() throws { try request().run() }

  /// A number as C writes it; a negative one is added to addresses.
  private static func number(_ text: String) throws -> UInt64 {
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    let isHexadecimal = digits.lowercased().hasPrefix("0x")
    let magnitude =
      isHexadecimal ? UInt64(digits.dropFirst(2), radix: 16) : UInt64(digits, radix: 10)
    guard let magnitude else { throw ValidationError("expected a number, found “\(text)”") }
    return isNegative ? 0 &- magnitude : magnitude
  }

  /// What the arguments ask for.
  func request() throws(CommandError) -> ResolveRequest {
    var request = ResolveRequest()
    request.addresses = addresses
    request.object = object
    request.outputStyle = outputStyle
    request.showsFunctions = showsFunctions
    request.hidesFunctions = hidesFunctions
    request.showsPlainNames = showsPlainNames
    request.showsRelativeNames = showsRelativeNames
    request.buildID = buildID
    request.section = section
    request.adjustment = adjustment
    request.readsHexadecimal = hexadecimal
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
    request.options.packages = packages
    return request
  }
}

extension AnswerStyle.Kind: ExpressibleByArgument {}
