import Logging

/// Sends the libraries' log to standard error as notes.
struct NoteLog: LogHandler {
  var logLevel = Logger.Level.notice
  var metadata: Logger.Metadata = [:]

  static let logger = Logger(label: "dumpcollect") { _ in NoteLog() }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    note("\(event.message)")
  }
}
