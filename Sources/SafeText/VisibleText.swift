/// Text from outside, made safe to print: a terminal obeys nothing in it.
///
/// Control characters (C0, DEL, C1), line separators, marks that change the direction of writing, and those that nobody
/// sees become `\u{1b}` and the like: two names that look the same are. Everything else stays as it is, also the joiners
/// that scripts and emoji are written with.
package func visible(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    if isUnsafe(scalar) {
      result += escape(scalar)
    } else {
      result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// The same between quotation marks, in which it is unambiguous.
package func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case _ where isUnsafe(scalar): result += escape(scalar)
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}

private func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.value {
  case 0..<0x20, 0x7f...0x9f, 0x61c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff: true
  // Zero width, invisible operators, marks of annotations, tags.
  case 0x180e, 0x200b, 0x2060...0x2065, 0x206a...0x206f, 0xfff9...0xfffb, 0xe0000...0xe007f: true
  default: false
  }
}

private func escape(_ scalar: Unicode.Scalar) -> String {
  switch scalar {
  case "\n": "\\n"
  case "\t": "\\t"
  case "\r": "\\r"
  default: "\\u{\(String(scalar.value, radix: 16))}"
  }
}
