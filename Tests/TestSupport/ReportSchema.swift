/// `docs/report.schema.json`, asked through python3-jsonschema.
package enum ReportSchema {
  /// The same of lines, each an object of `$defs/line`.
  package static func validate(lines: String) throws -> CommandResult {
    let directory = try TemporaryDirectory()
    let program = try directory.write(
      """
      import json, sys, jsonschema
      schema = json.load(open(sys.argv[1]))
      schema = {"$id": "https://dumpcollect.invalid/report", **schema}
      line = {"$schema": schema["$schema"], "$ref": "https://dumpcollect.invalid/report#/$defs/line"}
      jsonschema.Draft202012Validator.check_schema(schema)
      resolver = jsonschema.RefResolver("", line, store={schema["$id"]: schema})
      validator = jsonschema.Draft202012Validator(line, resolver=resolver)
      for text in open(sys.argv[2]): validator.validate(json.loads(text))
      """,
      to: "validate.py"
    )
    let path = try directory.write(lines, to: "report.jsonl")
    return try run(
      "python3",
      ["-W", "ignore", program, "\(repositoryRoot)/docs/report.schema.json", path]
    )
  }

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
