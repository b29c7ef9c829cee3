/// The frames of an answer, borrowed from it.
///
/// Whoever reads them one by one through the answer counts references for each, which takes longer than all the rest
/// where several threads do.
@usableFromInline
package struct AnswerFrames: ~Escapable {
  @usableFromInline let frames: Span<LookupFrame>
  @usableFromInline let origins: Span<FrameOrigin>
  @usableFromInline let ranges: Span<FrameRange>
  @usableFromInline let positions: Span<Int32>

  @_lifetime(copy frames, copy origins, copy ranges, copy positions)
  init(
    frames: Span<LookupFrame>,
    origins: Span<FrameOrigin>,
    ranges: Span<FrameRange>,
    positions: Span<Int32>
  ) {
    self.frames = frames
    self.origins = origins
    self.ranges = ranges
    self.positions = positions
  }

  /// Where the frames of the address are that was given at `index`, innermost first.
  @inlinable
  package func indices(at index: Int) -> Range<Int> {
    let range = ranges[Int(positions[index])]
    return Int(range.lowerBound)..<Int(range.upperBound)
  }

  /// A frame by its index.
  @inlinable
  package subscript(index: Int) -> LookupFrame { frames[index] }

  /// What is known besides of the frame of an index; nothing unless it was asked for.
  @inlinable
  package func origin(ofFrame index: Int) -> FrameOrigin {
    origins.isEmpty ? .unknown : origins[index]
  }
}
