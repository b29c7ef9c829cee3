import Glibc

/// The report archive: one SQLite database that anybody's SQLite reads (docs/report-schema.md).
public enum ReportArchive {
  /// The path beside a capture where its archive goes: same folder, same stem, `.dcreport`.
  ///
  /// A name without the suffix `.dcap` (or `.dcap.partial`) keeps its whole name as stem.
  public static func defaultPath(forCapture path: String) -> String {
    var stem = Substring(path)
    if stem.hasSuffix(".partial") { stem = stem.dropLast(".partial".count) }
    if stem.hasSuffix(".dcap") { stem = stem.dropLast(".dcap".count) }
    return stem + ".dcreport"
  }

  /// Writes `report` to `path`.
  ///
  /// The archive is built under another name in the same folder and renamed when it is whole, so that
  /// `path` holds either what it held before or the new report. Its mode is 0600, like a capture's.
  public static func write(_ report: DumpReport, to path: String) throws(ReportArchiveError) {
    let unfinished = try UnfinishedFile(replacing: path)
    try requireShortPath(path, longest: unfinished.path)
    do {
      try ArchiveWriter(report).write(toEmptyFileAt: unfinished.path)
    } catch {
      throw ReportArchiveError(
        file: path,
        problem: "cannot write the report: \(error)",
        hint: "check the free space (df), or choose another place with -o FILE"
      )
    }
    try unfinished.publish()
  }

  /// The report in the archive at `path`.
  ///
  /// Everything in the file is checked: its kind, its version, its tables, every index. Nothing is
  /// written, not even a journal.
  public static func read(at path: String) throws(ReportArchiveError) -> DumpReport {
    let byteCount = try ArchiveHeader.check(path)
    try requireShortPath(path, longest: path)
    do {
      return try ArchiveReader(path: path, byteCount: byteCount).report()
    } catch let error as ArchiveDamage {
      throw .damaged(path, error.description)
    } catch {
      throw .damaged(path, "\(error)")
    }
  }
}

/// Throws when SQLite would not open a file because its absolute path is too long for it.
private func requireShortPath(_ path: String, longest: String) throws(ReportArchiveError) {
  // SQLite's MAX_PATHNAME, with the zero byte at the end and a margin for links.
  let limit = 500
  guard let resolved = unsafe realpath(longest, nil) else { return }
  defer { unsafe free(resolved) }
  guard unsafe strlen(resolved) > limit else { return }
  throw ReportArchiveError(
    file: path,
    problem: "the path is too long for SQLite, which takes \(limit) bytes",
    hint: "choose a shorter one: -o FILE, or move the file"
  )
}

extension ReportArchiveError {
  static func damaged(_ path: String, _ what: String) -> Self {
    Self(
      file: path,
      problem: "damaged report archive: \(what)",
      hint: "make it anew from its capture: dumpcollect symbolize CAPTURE"
    )
  }
}
