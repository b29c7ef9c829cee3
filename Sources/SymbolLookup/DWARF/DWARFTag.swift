/// What a debugging information entry describes (DWARF 5, 7.5.3); only the kinds that lead to code are named.
struct DWARFTag: RawRepresentable, Hashable, Sendable {
  var rawValue: UInt16

  init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// The corresponding C constant is DW_TAG_class_type.
  static var classType: DWARFTag { DWARFTag(rawValue: 0x02) }
  /// The corresponding C constant is DW_TAG_entry_point.
  static var entryPoint: DWARFTag { DWARFTag(rawValue: 0x03) }
  /// The corresponding C constant is DW_TAG_enumeration_type.
  static var enumerationType: DWARFTag { DWARFTag(rawValue: 0x04) }
  /// The corresponding C constant is DW_TAG_lexical_block.
  static var lexicalBlock: DWARFTag { DWARFTag(rawValue: 0x0b) }
  /// The corresponding C constant is DW_TAG_compile_unit.
  static var compileUnit: DWARFTag { DWARFTag(rawValue: 0x11) }
  /// The corresponding C constant is DW_TAG_structure_type.
  static var structureType: DWARFTag { DWARFTag(rawValue: 0x13) }
  /// The corresponding C constant is DW_TAG_union_type.
  static var unionType: DWARFTag { DWARFTag(rawValue: 0x17) }
  /// The corresponding C constant is DW_TAG_inlined_subroutine.
  static var inlinedSubroutine: DWARFTag { DWARFTag(rawValue: 0x1d) }
  /// The corresponding C constant is DW_TAG_module.
  static var module: DWARFTag { DWARFTag(rawValue: 0x1e) }
  /// The corresponding C constant is DW_TAG_with_stmt.
  static var withStatement: DWARFTag { DWARFTag(rawValue: 0x22) }
  /// The corresponding C constant is DW_TAG_subprogram.
  static var subprogram: DWARFTag { DWARFTag(rawValue: 0x2e) }
  /// The corresponding C constant is DW_TAG_try_block.
  static var tryBlock: DWARFTag { DWARFTag(rawValue: 0x32) }
  /// The corresponding C constant is DW_TAG_catch_block.
  static var catchBlock: DWARFTag { DWARFTag(rawValue: 0x25) }
  /// The corresponding C constant is DW_TAG_interface_type.
  static var interfaceType: DWARFTag { DWARFTag(rawValue: 0x38) }
  /// The corresponding C constant is DW_TAG_variable.
  static var variable: DWARFTag { DWARFTag(rawValue: 0x34) }
  /// The corresponding C constant is DW_TAG_namespace.
  static var namespace: DWARFTag { DWARFTag(rawValue: 0x39) }
  /// The corresponding C constant is DW_TAG_partial_unit.
  static var partialUnit: DWARFTag { DWARFTag(rawValue: 0x3c) }
  /// The corresponding C constant is DW_TAG_skeleton_unit.
  static var skeletonUnit: DWARFTag { DWARFTag(rawValue: 0x4a) }
}

/// A property of a debugging information entry (DWARF 5, 7.5.4); only those that are read here are named.
struct DWARFAttribute: RawRepresentable, Hashable, Sendable {
  var rawValue: UInt16

  init(rawValue: UInt16) {
    self.rawValue = rawValue
  }

  /// The corresponding C constant is DW_AT_sibling.
  static var sibling: DWARFAttribute { DWARFAttribute(rawValue: 0x01) }
  /// The corresponding C constant is DW_AT_location.
  static var location: DWARFAttribute { DWARFAttribute(rawValue: 0x02) }
  /// The corresponding C constant is DW_AT_name.
  static var name: DWARFAttribute { DWARFAttribute(rawValue: 0x03) }
  /// The corresponding C constant is DW_AT_stmt_list.
  static var lineProgram: DWARFAttribute { DWARFAttribute(rawValue: 0x10) }
  /// The corresponding C constant is DW_AT_low_pc.
  static var lowPC: DWARFAttribute { DWARFAttribute(rawValue: 0x11) }
  /// The corresponding C constant is DW_AT_high_pc.
  static var highPC: DWARFAttribute { DWARFAttribute(rawValue: 0x12) }
  /// The corresponding C constant is DW_AT_comp_dir.
  static var compilationDirectory: DWARFAttribute { DWARFAttribute(rawValue: 0x1b) }
  /// The corresponding C constant is DW_AT_abstract_origin.
  static var abstractOrigin: DWARFAttribute { DWARFAttribute(rawValue: 0x31) }
  /// The corresponding C constant is DW_AT_decl_file.
  static var declarationFile: DWARFAttribute { DWARFAttribute(rawValue: 0x3a) }
  /// The corresponding C constant is DW_AT_decl_line.
  static var declarationLine: DWARFAttribute { DWARFAttribute(rawValue: 0x3b) }
  /// The corresponding C constant is DW_AT_declaration.
  static var declaration: DWARFAttribute { DWARFAttribute(rawValue: 0x3c) }
  /// The corresponding C constant is DW_AT_specification.
  static var specification: DWARFAttribute { DWARFAttribute(rawValue: 0x47) }
  /// The corresponding C constant is DW_AT_ranges.
  static var ranges: DWARFAttribute { DWARFAttribute(rawValue: 0x55) }
  /// The corresponding C constant is DW_AT_call_column.
  static var callColumn: DWARFAttribute { DWARFAttribute(rawValue: 0x57) }
  /// The corresponding C constant is DW_AT_call_file.
  static var callFile: DWARFAttribute { DWARFAttribute(rawValue: 0x58) }
  /// The corresponding C constant is DW_AT_call_line.
  static var callLine: DWARFAttribute { DWARFAttribute(rawValue: 0x59) }
  /// The corresponding C constant is DW_AT_linkage_name.
  static var linkageName: DWARFAttribute { DWARFAttribute(rawValue: 0x6e) }
  /// The corresponding C constant is DW_AT_str_offsets_base.
  static var stringOffsetsBase: DWARFAttribute { DWARFAttribute(rawValue: 0x72) }
  /// The corresponding C constant is DW_AT_addr_base.
  static var addressBase: DWARFAttribute { DWARFAttribute(rawValue: 0x73) }
  /// The corresponding C constant is DW_AT_rnglists_base.
  static var rangeListsBase: DWARFAttribute { DWARFAttribute(rawValue: 0x74) }
  /// The corresponding C constant is DW_AT_dwo_name.
  static var splitName: DWARFAttribute { DWARFAttribute(rawValue: 0x76) }
  /// The corresponding C constant is DW_AT_MIPS_linkage_name.
  static var oldLinkageName: DWARFAttribute { DWARFAttribute(rawValue: 0x2007) }
  /// The corresponding C constant is DW_AT_GNU_dwo_name.
  static var gnuSplitName: DWARFAttribute { DWARFAttribute(rawValue: 0x2130) }
  /// The corresponding C constant is DW_AT_GNU_dwo_id.
  static var gnuSplitID: DWARFAttribute { DWARFAttribute(rawValue: 0x2131) }
  /// The corresponding C constant is DW_AT_GNU_ranges_base.
  static var gnuRangesBase: DWARFAttribute { DWARFAttribute(rawValue: 0x2132) }
  /// The corresponding C constant is DW_AT_GNU_discriminator.
  static var gnuDiscriminator: DWARFAttribute { DWARFAttribute(rawValue: 0x2136) }
  /// The corresponding C constant is DW_AT_GNU_addr_base.
  static var gnuAddressBase: DWARFAttribute { DWARFAttribute(rawValue: 0x2133) }
}
