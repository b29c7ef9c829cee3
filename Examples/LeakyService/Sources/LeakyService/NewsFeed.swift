/// News of the upstream service, for those who wait for them.
actor NewsFeed {
  private var readers: [CheckedContinuation<String, Never>] = []

  /// The next piece of news; there never is one, and nobody is told.
  func next() async -> String {
    await withCheckedContinuation { readers.append($0) }
  }
}

extension UpstreamClient {
  /// Writes all news to standard output.
  func follow(_ news: NewsFeed) async {
    while true { print(await news.next()) }
  }
}
