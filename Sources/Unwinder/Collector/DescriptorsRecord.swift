import CUnwind

/// Writes what the census found.
@safe struct DescriptorsRecord {
  private let census: UnsafeMutablePointer<dc_census>

  @_noLocks
  init(_ census: UnsafeMutablePointer<dc_census>) { unsafe self.census = unsafe census }

  @_noLocks
  func write(to file: inout CaptureFile) {
    var record = file.beginRecord(room: 131_072)
    var kind: UInt32 = 0
    while kind < DescriptorKind.count {
      let count = unsafe dc_census_kind(census, kind).pointee
      if count > 0 {
        let message = record.beginMessage(1)
        record.field(1, varint: UInt64(kind))
        record.field(2, varint: count)
        record.endMessage(message)
      }
      kind &+= 1
    }
    unsafe record.field(2, varint: census.pointee.skipped)
    var index: UInt32 = 0
    while unsafe index < census.pointee.connection_count {
      unsafe write(dc_census_connection(census, index), to: &record)
      index &+= 1
    }
    let other =
      unsafe census.pointee.socket_count &- census.pointee.tcp_count
      &- census.pointee.udp_count &- census.pointee.unix_count
    unsafe record.field(4, varint: UInt64(census.pointee.tcp_count))
    unsafe record.field(5, varint: UInt64(census.pointee.udp_count))
    unsafe record.field(6, varint: UInt64(census.pointee.unix_count))
    // A socket may have changed its list in between.
    if other < 0x8000_0000 { record.field(7, varint: UInt64(other)) }
    unsafe record.field(8, varint: UInt64(census.pointee.is_cut))
    file.endRecord(RecordKind.descriptors, record)
  }

  @_noLocks
  private func write(
    _ connection: UnsafeMutablePointer<dc_connection>,
    to record: inout ProtobufWriter
  ) {
    let message = record.beginMessage(3)
    unsafe record.field(1, varint: UInt64(connection.pointee.state))
    unsafe record.field(2, varint: UInt64(connection.pointee.count))
    let address = unsafe UnsafeMutableRawPointer(dc_connection_address(connection))
    unsafe record.field(
      connection.pointee.state == 10 ? 3 : 5,
      bytes: address.assumingMemoryBound(to: UInt8.self),
      count: Int(connection.pointee.address_size)
    )
    unsafe record.field(4, varint: UInt64(connection.pointee.local_port))
    unsafe record.field(6, varint: UInt64(connection.pointee.peer_port))
    record.endMessage(message)
  }
}
