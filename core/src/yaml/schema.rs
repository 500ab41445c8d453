//! The language as a JSON Schema.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::pipeline::Pipeline;

/// The JSON Schema (draft 7) of a pipeline, with the descriptions and defaults of all keys; editors read it for completion and
/// checks while typing.
pub fn schema() -> Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Pipeline>();
    schema.to_value()
}
