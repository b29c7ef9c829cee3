/// `12 s`, `3 min`, `5 h 12 min`, `8 d 3 h`.
package func durationText(_ duration: Duration) -> String {
  let seconds = max(duration.components.seconds, 0)
  switch seconds {
  case ..<60: return "\(seconds) s"
  case ..<3600: return "\(seconds / 60) min"
  case ..<86_400: return "\(seconds / 3600) h \(seconds / 60 % 60) min"
  default: return "\(seconds / 86_400) d \(seconds / 3600 % 24) h"
  }
}
