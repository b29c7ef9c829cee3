/// `docs/report.schema.json`, asked through python3-jsonschema.
package enum ReportSchema {
  /// What the validator says of a document: status 0 and no word when it follows the schema.
  package static func validate(_ document: String, schema: String = "report") throws
    -> CommandResult
  {
    let directory = try TemporaryDirectory()
    let program = try directory.write(
      """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1]))
      jsonschema.Draft202012Validator.check_schema(schema)
      jsonschema.validate(json.load(open(sys.argv[2])), schema, jsonschema.Draft202012Validator)
      """,
      to: "validate.py"
    )
    let path = try directory.write(document, to: "report.json")
    return try run("python3", [program, "\(repositoryRoot)/docs/\(schema).schema.json", path])
  }
}
