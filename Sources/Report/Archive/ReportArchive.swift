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
    do {
      return try ArchiveReader(path: path, byteCount: byteCount).report()
    } catch let error as ArchiveDamage {
      throw .damaged(path, error.description)
    } catch {
      throw .damaged(path, "\(error)")
    }
  }
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
